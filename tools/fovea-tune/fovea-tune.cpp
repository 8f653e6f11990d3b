//===- fovea-tune.cpp - measure schedules, remember the best --------------===//
//
//   fovea-tune attention.mlir
//       --random 1x8x2048x64,1x8x2048x64,1x8x2048x64
//       --random 1x8x1x64,1x8x32768x64,1x8x32768x64
//
// docs/tuning.md
//
//===----------------------------------------------------------------------===//

#include "Search.h"

#include "fovea/Driver/Arguments.h"
#include "fovea/Driver/Dialects.h"
#include "fovea/Driver/Work.h"
#include "fovea/Support/CommandLine.h"
#include "fovea/Target/Target.h"
#include "fovea/Tuning/Database.h"
#include "fovea/Tuning/Family.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <csignal>
#include <ctime>
#include <map>
#include <set>
#include <tuple>

using namespace fovea;

namespace {

namespace cl = llvm::cl;
FreeOptionNames names({"threads"});
cl::OptionCategory category("fovea-tune");

cl::opt<std::string> file(cl::Positional, cl::value_desc("FILE.mlir"),
                          cl::desc("FILE.mlir, a program"), cl::cat(category));
cl::opt<std::string> entryName("entry", cl::value_desc("name"),
                               cl::cat(category),
                               cl::desc("Function to tune (default: the only "
                                        "one)"));
cl::opt<std::string> targetName("target", cl::init("cpu"),
                                cl::value_desc("name"), cl::cat(category),
                                cl::desc("What to tune for; this machine must "
                                         "be able to run it (default: cpu, "
                                         "this machine)"));
cl::list<std::string> randoms(
    "random", cl::value_desc("shapes"), cl::cat(category),
    cl::desc("A call to tune for: a shape per input, as for fovea-run. May be "
             "given more than once; calls that one schedule serves count "
             "alike"));
cl::opt<uint64_t> seed("seed", cl::init(0), cl::cat(category),
                       cl::desc("Of --random (default: 0)"));
cl::opt<int> trials("trials", cl::init(24), cl::value_desc("N"),
                    cl::cat(category),
                    cl::desc("Most schedules to measure for each class of "
                             "calls (default: 24)"));
cl::opt<double> seconds("time", cl::init(0), cl::value_desc("SECONDS"),
                        cl::cat(category),
                        cl::desc("Try no further schedule after this time"));
cl::opt<int> threads("threads", cl::init(0), cl::value_desc("N"),
                     cl::cat(category),
                     cl::desc("Most threads to use (default: all)"));
cl::opt<bool> isReproducible(
    "reproducible", cl::cat(category),
    cl::desc("Measure with work divided as for any number of threads "
             "(docs/numerics.md); without it FOVEA_REPRODUCIBLE=1 does that"));
cl::opt<std::string> databaseName(
    "database", cl::value_desc("path"), cl::cat(category),
    cl::desc("Where to write what was found, or none (default: "
             "$FOVEA_TUNING_DB, else fovea/tuning.json in $XDG_DATA_HOME or "
             "~/.local/share)"));
cl::opt<bool> dryRun("dry-run", cl::cat(category),
                     cl::desc("Print the schedules that would be measured, "
                              "and stop"));

} // namespace

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// The first time ends the search with what it has; the second ends the tool.
static void handleInterrupt(int) {
  isStopped = true;
  std::signal(SIGINT, SIG_DFL);
}

namespace {

/// The program at the fold level, where its family and its classes are seen.
struct Folds {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string family;
  std::optional<StreamWork> work; // counted a level before
  /// The target's schedules by class: most rows of a call, 0 for any.
  std::map<int64_t, tile::ScheduleAttr> chosen;
};

} // namespace

static llvm::Expected<Folds> lowerToFolds(mlir::ModuleOp source,
                                          const Target &target,
                                          llvm::StringRef entry) {
  Folds folds;
  folds.module = source.clone();
  // The compilation of the default schedule reports.
  mlir::ScopedDiagnosticHandler quiet(source.getContext(),
                                      [](mlir::Diagnostic &) {});
  mlir::PassManager pm(source.getContext());
  addPassesTo(Level::Cascade, target, pm);
  mlir::PassManager derive(source.getContext());
  addPassesTo(Level::Fold, target, derive);
  mlir::PassManager schedule(source.getContext());
  target.addSchedule(schedule);
  auto fail = [&] {
    return makeError("'" + file + "': cannot be compiled; foveac says why");
  };
  if (mlir::failed(pm.run(*folds.module))) {
    return fail();
  }
  auto function = folds.module->lookupSymbol<mlir::func::FuncOp>(entry);
  folds.work = countStreamWork(function);
  if (mlir::failed(derive.run(*folds.module))) {
    return fail();
  }
  function = folds.module->lookupSymbol<mlir::func::FuncOp>(entry);
  if (function->hasAttr(tile::kScheduleAttrName)) {
    return makeError("expected a function without tile.schedule, got one that "
                     "keeps the schedule it has");
  }
  folds.family = getFamily(function);
  if (mlir::failed(schedule.run(*folds.module))) {
    return fail();
  }
  auto many = function->getAttrOfType<tile::ScheduleAttr>(
      tile::kScheduleAttrName);
  if (!many || target.getSchedules(many).size() < 2) {
    return makeError("expected a target whose schedules can be tuned on this "
                     "machine, got " +
                     target.getName());
  }
  folds.chosen[0] = many;
  if (auto few =
          function->getAttrOfType<mlir::ArrayAttr>(tile::kFewRowsAttrName)) {
    for (auto one : few.getAsRange<tile::ScheduleAttr>()) {
      folds.chosen[one.getRows()] = one;
    }
  }
  return folds;
}

static llvm::Expected<Call> makeCall(llvm::StringRef shapes,
                                     const Entry &entry) {
  Call call;
  call.shapes = shapes.str();
  llvm::SmallVector<llvm::StringRef> texts;
  shapes.split(texts, ',');
  if (texts.size() != entry.inputs.size()) {
    return makeError("expected " + llvm::Twine(entry.inputs.size()) +
                     " shapes after --random, got " +
                     llvm::Twine(texts.size()));
  }
  uint64_t state = seed;
  for (auto [text, parameter] : llvm::zip_equal(texts, entry.inputs)) {
    auto input = makeRandom(text, parameter, state);
    if (!input) {
      return input.takeError();
    }
    call.inputs.push_back(std::move(*input));
    call.arguments.push_back(call.inputs.back().get());
  }
  auto inputs = std::vector<fovea_tensor>(call.arguments);
  for (auto [i, parameter] : llvm::enumerate(entry.outputs)) {
    auto output = makeOutput(parameter, entry.getOutputShape(i, inputs),
                             std::nullopt);
    if (!output) {
      return output.takeError();
    }
    call.outputs.push_back(std::move(*output));
    call.arguments.push_back(call.outputs.back().get());
  }
  return call;
}

/// The class that a call of so many rows belongs to.
static int64_t getClass(const Folds &folds, int64_t rows) {
  for (auto [most, schedule] : folds.chosen) {
    if (most != 0 && rows <= most) {
      return most;
    }
  }
  return 0;
}

static std::string describeClass(int64_t rows) {
  return rows == 0 ? "many" : "<= " + std::to_string(rows);
}

/// Puts the schedules after the default in the order of their estimates: the
/// first ones are tried.
static void rank(TuningTask &task, const Folds &folds, const Target &target) {
  std::optional<MachineRates> machine = target.getRates();
  if (!machine || !folds.work) {
    return;
  }
  auto estimate = [&](tile::ScheduleAttr schedule) {
    double product = 1;
    for (const Call &call : task.calls) {
      product *= estimateFused(*folds.work, *machine, schedule, call.size);
    }
    return std::pow(product, 1 / double(task.calls.size()));
  };
  double base = estimate(task.schedules.front());
  // With the place, so that equals stay in order.
  std::vector<std::pair<double, size_t>> priced;
  std::vector<tile::ScheduleAttr> schedules = task.schedules;
  for (size_t i = 1; i < schedules.size(); ++i) {
    priced.emplace_back(estimate(schedules[i]) / base, i);
  }
  llvm::sort(priced);
  task.estimates = {1};
  for (auto [i, one] : llvm::enumerate(priced)) {
    task.schedules[i + 1] = schedules[one.second];
    task.estimates.push_back(one.first);
  }
}

/// Leaves out what is the same on so many threads as a schedule before: no task
/// is split into more parts than there are threads.
static void dropEquals(std::vector<tile::ScheduleAttr> &schedules) {
  int64_t parts = fovea_rt_parts(threads);
  std::set<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>> known;
  llvm::erase_if(schedules, [&](tile::ScheduleAttr one) {
    return !known
                .emplace(one.getRows(), one.getKeys(), one.getBlock(),
                         one.getAhead(), std::min(one.getSplits(), parts))
                .second;
  });
}

/// Calls by class, and for each class what to try.
static llvm::Expected<std::vector<TuningTask>>
makeTasks(const Folds &folds, const Target &target, const Entry &entry) {
  std::map<int64_t, TuningTask> tasks;
  for (const std::string &shapes : randoms) {
    auto call = makeCall(shapes, entry);
    if (!call) {
      return call.takeError();
    }
    auto size = countSize(*folds.module, entry.name, call->arguments);
    if (!size) {
      return makeError("expected a function with a fold, whose rows can be "
                       "counted, got '" +
                       entry.name + "'");
    }
    call->size = {size->rows, size->keys};
    int64_t most = getClass(folds, size->rows);
    TuningTask &task = tasks[most];
    task.rows = most;
    task.calls.push_back(std::move(*call));
  }
  std::vector<TuningTask> list;
  for (auto &[rows, task] : tasks) {
    task.schedules = target.getSchedules(folds.chosen.at(rows));
    dropEquals(task.schedules);
    rank(task, folds, target);
    list.push_back(std::move(task));
  }
  return list;
}

static std::string getDate() {
  std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof(text), "%Y-%m-%d", std::gmtime(&now));
  return text;
}

/// How many schedules of a class are measured: the default is no trial.
static int countTrials(const TuningTask &task) {
  return std::min<int>(trials, static_cast<int>(task.schedules.size()) - 1);
}

static void printPlan(llvm::ArrayRef<TuningTask> tasks, const Target &target,
                      const Folds &folds) {
  llvm::outs() << "chip: " << target.getTuningName()
               << "\nfamily: " << folds.family << '\n';
  for (const TuningTask &task : tasks) {
    llvm::outs() << "rows " << describeClass(task.rows) << ": "
                 << task.calls.size() << " calls, " << countTrials(task)
                 << " of " << task.schedules.size() - 1
                 << " schedules to measure against "
                 << describe(task.schedules.front()) << '\n';
    for (size_t i = 1; i < task.schedules.size(); ++i) {
      llvm::outs() << "  " << describe(task.schedules[i]);
      if (i < task.estimates.size()) {
        llvm::outs() << ": " << llvm::formatv("{0:f3}", task.estimates[i])
                     << " of the default's time estimated";
      }
      llvm::outs() << '\n';
    }
  }
}

namespace {

/// A finished search: what it found, for the table and the database.
struct Row {
  int64_t rows;
  SearchResult result;
  tile::ScheduleAttr chosen;
  std::string shapes;
};

} // namespace

static void printTable(llvm::ArrayRef<Row> rows) {
  llvm::outs() << llvm::formatv("{0,-6} {1,-48} {2,10} {3,16} {4,6}\n", "rows",
                                "schedule", "default ms", "time / default",
                                "tried");
  for (const Row &row : rows) {
    bool isNew = row.result.schedule != row.chosen;
    std::string ratio =
        isNew ? llvm::formatv("{0:f3} +- {1:f3}", row.result.ratio.value,
                              row.result.ratio.noise)
                    .str()
              : "1";
    llvm::outs() << llvm::formatv(
        "{0,-6} {1,-48} {2,10} {3,16} {4,6}\n", describeClass(row.rows),
        describe(row.result.schedule) + (isNew ? "" : " (default)"),
        llvm::formatv("{0:f3}", 1e3 * row.result.seconds).str(), ratio,
        row.result.tried);
  }
}

static llvm::Error record(llvm::StringRef path,
                          llvm::ArrayRef<TuningEntry> entries) {
  return TuningDatabase::record(path, entries, [](llvm::StringRef text) {
    llvm::errs() << "warning: " << text << '\n';
  });
}

static llvm::Error writeDatabase(llvm::StringRef path, llvm::ArrayRef<Row> rows,
                                 const Target &target, const Folds &folds,
                                 llvm::StringRef program) {
  std::vector<TuningEntry> entries;
  for (const Row &row : rows) {
    TuningEntry entry;
    entry.chip = target.getTuningName();
    entry.family = folds.family;
    entry.rows = row.rows;
    entry.gain = 1 / row.result.ratio.value;
    entry.program = program.str();
    entry.shapes = row.shapes;
    entry.date = getDate();
    // Without a schedule: what an earlier search found is no longer faster.
    if (row.result.schedule != row.chosen) {
      llvm::raw_string_ostream(entry.schedule) << row.result.schedule;
    }
    entries.push_back(std::move(entry));
  }
  if (llvm::Error e = record(path, entries)) {
    return e;
  }
  llvm::outs() << "written to " << path << '\n';
  return llvm::Error::success();
}

/// Compiles `module`, which has no schedules, with one.
static llvm::Expected<Kernel> compileKernel(mlir::ModuleOp module,
                                            llvm::StringRef entry,
                                            const CompileOptions &options,
                                            tile::ScheduleAttr schedule) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  // The only schedule, so that it serves all calls and compiles fast.
  copy->lookupSymbol<mlir::func::FuncOp>(entry)->setAttr(
      tile::kScheduleAttrName, schedule);
  auto program = compile(*copy, options);
  if (!program) {
    return program.takeError();
  }
  auto function = (*program)->getFunction(entry);
  if (!function) {
    return function.takeError();
  }
  return Kernel{std::move(*program), *function};
}

static llvm::Error tune(mlir::ModuleOp module, const Target &target,
                        const Entry &entry) {
  auto folds = lowerToFolds(module, target, entry.name);
  if (!folds) {
    return folds.takeError();
  }
  auto tasks = makeTasks(*folds, target, entry);
  if (!tasks) {
    return tasks.takeError();
  }
  if (dryRun) {
    printPlan(*tasks, target, *folds);
    return llvm::Error::success();
  }
  // What cannot be written is said before minutes are spent.
  std::string path = findTuningDatabase(databaseName);
  if (!path.empty()) {
    if (llvm::Error e = record(path, {})) {
      return e;
    }
  }
  int steps = 0;
  for (const TuningTask &task : *tasks) {
    steps += countTrials(task) + kConfirmed;
  }
  Progress progress(steps, seconds);
  CompileOptions options;
  options.target = targetName;
  options.tuning = "none";
  options.sourceName = file;
  auto compileWith = [&](tile::ScheduleAttr schedule) {
    return compileKernel(module, entry.name, options, schedule);
  };
  Search search(compileWith, threads, progress);
  std::signal(SIGINT, handleInterrupt);
  std::vector<Row> rows;
  for (TuningTask &task : *tasks) {
    // A search that was not begun must not forget what an earlier one found.
    if (isStopped || progress.isOver()) {
      progress.say("rows " + describeClass(task.rows) + ": no time was left");
      continue;
    }
    progress.say(llvm::formatv("rows {0}: {1} schedules, {2} calls",
                               describeClass(task.rows),
                               countTrials(task), task.calls.size())
                     .str());
    auto result = search.run(task, countTrials(task));
    if (!result) {
      return result.takeError();
    }
    std::vector<std::string> shapes;
    for (const Call &call : task.calls) {
      shapes.push_back(call.shapes);
    }
    rows.push_back({task.rows, *result, task.schedules.front(),
                    llvm::join(shapes, " ")});
  }
  printTable(rows);
  if (path.empty()) {
    llvm::outs() << "no database is written\n";
  } else if (llvm::Error e =
                 writeDatabase(path, rows, target, *folds, entry.name)) {
    return e;
  }
  if (!search.getWrong().empty()) {
    return makeError(llvm::join(search.getWrong(), "\nerror: "));
  }
  return llvm::Error::success();
}

static llvm::Error runTool() {
  if (file.empty() || randoms.empty()) {
    return makeError("expected FILE.mlir and --random; see --help");
  }
  if (trials < 1) {
    return makeError("expected at least one trial, got " +
                     llvm::Twine(trials));
  }
  auto target = lookUpTarget(targetName);
  if (!target) {
    return target.takeError();
  }
  if ((*target)->getTuningName().empty()) {
    return makeError("expected a target whose schedules can be tuned, got " +
                     targetName);
  }
  if (llvm::Error e = (*target)->checkRunsHere()) {
    return e;
  }
  if (isReproducible) {
    fovea_rt_set_reproducible(1);
  }
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto text = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!text) {
    return makeError("'" + file +
                     "': cannot be read: " + text.getError().message());
  }
  auto module = parse(context, (*text)->getBuffer(), file);
  if (!module) {
    return module.takeError();
  }
  CompileOptions options;
  options.target = targetName;
  options.tuning = "none";
  options.sourceName = file;
  auto program = compile(**module, options);
  if (!program) {
    return program.takeError();
  }
  auto entry = (*program)->getEntry(entryName);
  if (!entry) {
    return entry.takeError();
  }
  return tune(**module, **target, **entry);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Fovea: measure schedules of a program, and "
                              "remember the best for all tools\n");
  keepOptions(category);
  if (llvm::Error e = runTool()) {
    llvm::outs().flush();
    printError(std::move(e));
    return 1;
  }
  return 0;
}
