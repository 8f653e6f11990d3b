//===- fovea-interpret.cpp - run a function in the reference interpreter --===//
//
//   fovea-interpret attention.mlir --entry attention --input q.npy
//       --input k.npy --input v.npy --output o.npy --split 7
//
// Arrays of float16, float32 and float64 are real numbers, the others are
// integers. Real results are written as float32 (--double: as float64).
// `--all` runs every function without arguments and prints its results or its
// error, for tests of meaning that hold their numbers as constants.
//
//===----------------------------------------------------------------------===//

#include "fovea/Reference/Interpreter.h"
#include "fovea/Support/FloatConvert.h"
#include "fovea/Support/Npy.h"
#include "fovea/dialects/Attn/Attn.h"
#include "fovea/dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;
using reference::Tensor;

namespace {

namespace cl = llvm::cl;
cl::OptionCategory category("fovea-interpret");
cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("FILE.mlir"),
                          cl::cat(category));
cl::opt<std::string> entry("entry", cl::value_desc("name"), cl::cat(category),
                           cl::desc("Function to run (default: the only one)"));
cl::opt<bool> all("all", cl::cat(category),
                  cl::desc("Run all functions that take no arguments"));
cl::list<std::string> inputs("input", cl::value_desc("x.npy"),
                             cl::cat(category),
                             cl::desc("One file per argument, in order"));
cl::list<std::string> outputs("output", cl::value_desc("y.npy"),
                              cl::cat(category),
                              cl::desc("One file per result, in order; "
                                       "without any, results are printed"));
cl::opt<bool> wide("double", cl::cat(category),
                   cl::desc("Write real results as float64"));
cl::opt<uint64_t> split("split", cl::value_desc("seed"), cl::cat(category),
                        cl::desc("Cut and merge every fold at random"));
cl::list<int64_t> tiles("tile", cl::CommaSeparated, cl::value_desc("sizes"),
                        cl::cat(category),
                        cl::desc("Sizes of the tiles of every fold, in turn"));
cl::opt<bool> mergeTiles("merge", cl::cat(category),
                         cl::desc("With --tile: fold tiles on their own and "
                                  "merge them"));
cl::opt<bool> rounds("rounds", cl::cat(category),
                     cl::desc("Round to types of 8 and 16 bits, as the "
                              "reference of fovea-run --check does"));

} // namespace

template <typename From, typename To>
static std::vector<To> convert(const NpyArray &array) {
  llvm::ArrayRef<From> elements = array.getElements<From>();
  return std::vector<To>(elements.begin(), elements.end());
}

static Tensor toTensor(const NpyArray &array) {
  switch (array.dtype) {
  case NpyType::Bool:
  case NpyType::U8:
    return Tensor::fromIntegers(array.shape, convert<uint8_t, int64_t>(array));
  case NpyType::I8:
    return Tensor::fromIntegers(array.shape, convert<int8_t, int64_t>(array));
  case NpyType::I32:
    return Tensor::fromIntegers(array.shape, convert<int32_t, int64_t>(array));
  case NpyType::I64:
    return Tensor::fromIntegers(array.shape, convert<int64_t, int64_t>(array));
  case NpyType::F16: {
    std::vector<double> values;
    for (uint16_t bits : array.getElements<uint16_t>()) {
      values.push_back(halfToFloat(bits));
    }
    return Tensor::fromReals(array.shape, std::move(values));
  }
  case NpyType::F32:
    return Tensor::fromReals(array.shape, convert<float, double>(array));
  case NpyType::F64:
    return Tensor::fromReals(array.shape, convert<double, double>(array));
  }
  llvm_unreachable("unknown element type");
}

template <typename To, typename From>
static NpyArray fill(NpyType dtype, llvm::ArrayRef<int64_t> shape,
                     const std::vector<From> &values) {
  NpyArray array = NpyArray::zeros(dtype, shape);
  for (auto [to, from] : llvm::zip_equal(array.getElements<To>(), values)) {
    to = static_cast<To>(from);
  }
  return array;
}

static NpyArray toArray(const Tensor &tensor) {
  if (tensor.isReal) {
    return wide ? fill<double>(NpyType::F64, tensor.shape, tensor.reals)
                : fill<float>(NpyType::F32, tensor.shape, tensor.reals);
  }
  if (tensor.elementType.isInteger(1)) {
    return fill<uint8_t>(NpyType::Bool, tensor.shape, tensor.integers);
  }
  if (tensor.elementType.isInteger(8)) {
    return fill<int8_t>(NpyType::I8, tensor.shape, tensor.integers);
  }
  if (tensor.elementType.isInteger(32)) {
    return fill<int32_t>(NpyType::I32, tensor.shape, tensor.integers);
  }
  return fill<int64_t>(NpyType::I64, tensor.shape, tensor.integers);
}

/// `[2, 2] f32: 1 2.5 3 4`
static void print(const Tensor &tensor) {
  llvm::outs() << '[';
  llvm::interleaveComma(tensor.shape, llvm::outs());
  llvm::outs() << "] " << tensor.elementType << ':';
  for (double x : tensor.reals) {
    llvm::outs() << llvm::format(" %.9g", x);
  }
  for (int64_t x : tensor.integers) {
    llvm::outs() << ' ' << x;
  }
  llvm::outs() << '\n';
}

static llvm::Expected<mlir::func::FuncOp> findEntry(mlir::ModuleOp module) {
  if (!entry.empty()) {
    if (auto f = module.lookupSymbol<mlir::func::FuncOp>(entry)) {
      return f;
    }
    return llvm::createStringError("expected a function named '" + entry + "'");
  }
  auto functions = llvm::to_vector(module.getOps<mlir::func::FuncOp>());
  if (functions.size() != 1) {
    return llvm::createStringError("expected --entry because the file has " +
                                   llvm::Twine(functions.size()) +
                                   " functions");
  }
  return functions.front();
}

static reference::Options getOptions() {
  reference::Options options;
  options.split.tileSizes.assign(tiles.begin(), tiles.end());
  options.split.mergeTiles = mergeTiles;
  options.rounds = rounds;
  if (split.getNumOccurrences()) {
    options.split.seed = split;
  }
  return options;
}

static void runAll(mlir::ModuleOp module) {
  for (auto f : module.getOps<mlir::func::FuncOp>()) {
    if (f.getNumArguments() != 0 || f.isExternal()) {
      continue;
    }
    llvm::outs() << '@' << f.getName() << '\n';
    if (auto results = reference::interpret(f, {}, getOptions())) {
      llvm::for_each(*results, print);
    } else {
      llvm::outs() << "error: " << llvm::toString(results.takeError()) << '\n';
    }
  }
}

static llvm::Error runTool(mlir::ModuleOp module) {
  llvm::Expected<mlir::func::FuncOp> f = findEntry(module);
  if (!f) {
    return f.takeError();
  }
  std::vector<Tensor> arguments;
  for (const std::string &path : inputs) {
    llvm::Expected<NpyArray> array = readNpy(path);
    if (!array) {
      return array.takeError();
    }
    arguments.push_back(toTensor(*array));
  }
  auto results = reference::interpret(*f, arguments, getOptions());
  if (!results) {
    return results.takeError();
  }
  if (outputs.empty()) {
    llvm::for_each(*results, print);
    return llvm::Error::success();
  }
  if (outputs.size() != results->size()) {
    return llvm::createStringError("expected " + llvm::Twine(results->size()) +
                                   " times --output, got " +
                                   llvm::Twine(outputs.size()));
  }
  for (auto [path, tensor] : llvm::zip_equal(outputs, *results)) {
    if (llvm::Error e = writeNpy(path, toArray(tensor))) {
      return e;
    }
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Fovea reference interpreter\n");
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<attn::AttnDialect, cascade::CascadeDialect>();
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(file, &context);
  if (!module) {
    return 1;
  }
  if (all) {
    runAll(*module);
    return 0;
  }
  if (llvm::Error e = runTool(*module)) {
    llvm::errs() << "error: " << llvm::toString(std::move(e)) << '\n';
    return 1;
  }
  return 0;
}
