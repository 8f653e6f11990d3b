//===- PredicateRangesTest.cpp - every tile of small problems -------------===//
//
// An attention with some pattern is lowered to a cascade. Its predicate is
// evaluated at every point by the reference interpreter; then the code that
// the analysis emits is interpreted for every tile, and compared:
//
//   any = false    no point of the tile is visible
//   all = true     every point is
//   ranges         in order, disjoint, within the extent, and hold every
//                  visible key of the row of tiles
//
// For patterns that the analysis promises to decide, also the converse; and a
// tile of one point is always decided, unless the region is not understood.
//
//===----------------------------------------------------------------------===//

#include "fovea/Analysis/PredicateRanges.h"
#include "fovea/Reference/Interpreter.h"
#include "fovea/dialects/Attn/AttnOps.h"
#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/passes/AttnToCascade/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace fovea;
using reference::Tensor;

namespace {

/// Sequences of one problem; the query has `rows` rows.
struct Shape {
  bool paged;
  int64_t rows;
  std::vector<int64_t> lengths;
  int64_t getLongest() const {
    return *std::max_element(lengths.begin(), lengths.end());
  }
};

const Shape kShapes[] = {
    {false, 8, {8}},    // as many queries as keys
    {false, 3, {9}},    // a later chunk of the queries
    {false, 9, {5}},    // queries at negative positions
    {true, 4, {7, 3}},  // sequences of two lengths
};

/// Never wrong; also exact at points; also exact on every tile and range.
enum class Promise { Sound, Points, Exact };

/// One attention and the functions made from it.
class Subject {
public:
  Subject(MLIRContext &context, const Shape &shape, StringRef pattern,
          StringRef where);

  /// visible[b][q][k]
  std::vector<std::vector<std::vector<bool>>> evaluate();
  /// (any, all)
  std::pair<bool, bool> getTruth(int64_t b, int64_t q0, int64_t q1, int64_t k0,
                                 int64_t k1);
  std::pair<bool, bool> getTruthAt(int64_t b, int64_t q, int64_t k);
  std::vector<std::pair<int64_t, int64_t>> getRanges(int64_t b, int64_t q0,
                                                     int64_t q1);

private:
  func::FuncOp makeFunction(StringRef name);
  void makeVisibility();
  void makeTruth(StringRef name, bool isPoint);
  void makeRanges();
  func::FuncOp makeAnalysis(StringRef name, unsigned numExtra);
  PredicateInputs getInputs(OpBuilder &b, Interval sequence, Interval rows,
                            Interval keys);
  std::vector<Tensor> run(StringRef name, ArrayRef<int64_t> extra);

  MLIRContext &context;
  Shape shape;
  bool usesDocuments;
  OwningOpRef<ModuleOp> module;
  std::vector<Tensor> arguments;
};

} // namespace

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<attn::AttnDialect, cascade::CascadeDialect>();
  return std::make_unique<MLIRContext>(registry);
}

/// Pages in order, of 2 rows; documents 0 0 0 1 1 1 2 ...
Subject::Subject(MLIRContext &context, const Shape &shape, StringRef pattern,
                 StringRef where)
    : context(context), shape(shape),
      usesDocuments(pattern.contains("document")) {
  std::string kv = std::string("!attn.kv<") +
                   (shape.paged ? "paged<2>" : "dense") +
                   ", key = 1, value = 1, f32>";
  std::string ids = usesDocuments ? ", tensor<?x?xi32>" : "";
  std::string text =
      "func.func @attend(%q: tensor<?x?x?x1xf32>, %kv: " + kv +
      (usesDocuments ? ", %ids: tensor<?x?xi32>" : "") +
      ") -> tensor<?x?x?x1xf32> {\n  %o = attn.attend %q, %kv" +
      (usesDocuments ? " documents(%ids)" : "") + " pattern<" + pattern.str() +
      "> " + where.str() + " : (tensor<?x?x?x1xf32>, " + kv + ids +
      ") -> tensor<?x?x?x1xf32>\n  return %o : tensor<?x?x?x1xf32>\n}\n";
  module = parseSourceString<ModuleOp>(text, &context);
  PassManager manager(&context);
  manager.addNestedPass<func::FuncOp>(createAttnToCascadePass());
  if (!module || failed(manager.run(*module))) {
    ADD_FAILURE() << "no cascade from\n" << text;
    return;
  }
  int64_t batch = shape.lengths.size(), longest = shape.getLongest();
  Type f32 = Float32Type::get(&context);
  Type i32 = IntegerType::get(&context, 32);
  arguments.push_back(Tensor::zeros({batch, 1, shape.rows, 1}, f32));
  if (shape.paged) {
    int64_t pages = (longest + 1) / 2;
    arguments.push_back(Tensor::zeros({pages, 1, 2, 1}, f32));
    arguments.push_back(arguments.back());
    arguments.push_back(Tensor::zeros({batch, pages}, i32));
    arguments.push_back(Tensor::fromIntegers(
        {batch}, std::vector<int64_t>(shape.lengths)));
  } else {
    arguments.push_back(Tensor::zeros({batch, 1, longest, 1}, f32));
    arguments.push_back(arguments.back());
  }
  if (usesDocuments) {
    arguments.push_back(Tensor::zeros({batch, longest}, i32));
    for (auto [i, id] : llvm::enumerate(arguments.back().integers)) {
      id = (i % longest) / 3;
    }
  }
  makeVisibility();
  makeTruth("truth", /*isPoint=*/false);
  makeTruth("point", /*isPoint=*/true);
  makeRanges();
}

static cascade::EinsumOp findPredicated(func::FuncOp f) {
  cascade::EinsumOp found;
  f.walk([&](cascade::EinsumOp op) {
    if (op.hasWhere() && !found) {
      found = op;
    }
  });
  return found;
}

/// A copy of the lowered attention that returns nothing yet.
func::FuncOp Subject::makeFunction(StringRef name) {
  auto original = module->lookupSymbol<func::FuncOp>("attend");
  OpBuilder b(original);
  auto copy = cast<func::FuncOp>(b.clone(*original));
  copy.setName(name);
  return copy;
}

static void setResults(func::FuncOp f, ValueRange results) {
  Operation *end = f.front().getTerminator();
  end->setOperands(results);
  f.setFunctionType(FunctionType::get(f.getContext(), f.getArgumentTypes(),
                                      results.getTypes()));
  // The attention itself is not wanted.
  SmallVector<Operation *> ops;
  for (Operation &op : f.front()) {
    ops.push_back(&op);
  }
  for (Operation *op : llvm::reverse(ops)) {
    if (isOpTriviallyDead(op)) {
      op->erase();
    }
  }
}

/// @visible: 1 at every visible point, 0 elsewhere.
void Subject::makeVisibility() {
  func::FuncOp f = makeFunction("visible");
  cascade::EinsumOp masked = findPredicated(f);
  ASSERT_TRUE(masked);
  OpBuilder b(f.front().getTerminator());
  Value input = masked.getInputs()[0];
  AffineMap map = masked.getInputMaps()[0];
  auto all = cascade::EinsumOp::create(
      b, f.getLoc(), input.getType(), input, Value(), masked.getRanks(),
      b.getAffineMapArrayAttr({map, map}), AffineMapAttr(),
      cascade::MonoidAttr());
  {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&all.getBody(), {}, b.getF32Type(), f.getLoc());
    Value one = arith::ConstantOp::create(b, f.getLoc(),
                                          b.getF32FloatAttr(1.0));
    cascade::YieldOp::create(b, f.getLoc(), one);
  }
  IRMapping mapping;
  masked.getWhere().cloneInto(&all.getWhere(), mapping);
  setResults(f, all.getResult());
}

/// The least and the greatest entry, by looking at all of them.
static Interval scanTable(OpBuilder &b, tensor::ExtractOp extract,
                          ArrayRef<Interval> box) {
  Location loc = extract.getLoc();
  Value table = extract.getTensor();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto read = [&](OpBuilder &b, Value last) -> Value {
    SmallVector<Value> indices;
    for (Interval i : box.drop_back()) {
      indices.push_back(i.lo);
    }
    indices.push_back(last);
    return arith::IndexCastOp::create(
        b, loc, b.getIndexType(),
        tensor::ExtractOp::create(b, loc, table, indices));
  };
  Interval last = box.back();
  if (last.lo == last.hi) {
    Value entry = read(b, last.lo);
    return {entry, entry};
  }
  Value size = tensor::DimOp::create(b, loc, table, box.size() - 1);
  Value begin = arith::MaxSIOp::create(b, loc, last.lo, zero);
  Value end = arith::MinSIOp::create(
      b, loc, arith::AddIOp::create(b, loc, last.hi, one), size);
  Value low = arith::ConstantIndexOp::create(b, loc, -1000);
  Value high = arith::ConstantIndexOp::create(b, loc, 1000);
  auto loop = scf::ForOp::create(
      b, loc, begin, end, one, ValueRange{high, low},
      [&](OpBuilder &b, Location loc, Value i, ValueRange carried) {
        Value entry = read(b, i);
        Value lo = arith::MinSIOp::create(b, loc, carried[0], entry);
        Value hi = arith::MaxSIOp::create(b, loc, carried[1], entry);
        scf::YieldOp::create(b, loc, ValueRange{lo, hi});
      });
  return {loop.getResult(0), loop.getResult(1)};
}

/// A copy of the attention with further arguments of type index.
func::FuncOp Subject::makeAnalysis(StringRef name, unsigned numExtra) {
  func::FuncOp f = makeFunction(name);
  for (unsigned i = 0; i < numExtra; ++i) {
    if (failed(f.insertArgument(f.getNumArguments(), IndexType::get(&context),
                                DictionaryAttr::get(&context), f.getLoc()))) {
      ADD_FAILURE() << "no further argument of " << name.str();
    }
  }
  return f;
}

PredicateInputs Subject::getInputs(OpBuilder &b, Interval sequence,
                                   Interval rows, Interval keys) {
  PredicateInputs inputs;
  inputs.box = [=, &b](StringRef rank) -> Interval {
    if (rank == "b") {
      return sequence;
    }
    if (rank == "q") {
      return rows;
    }
    if (rank == "k") {
      EXPECT_TRUE(keys.lo) << "asked for the streamed rank";
      return keys;
    }
    Value zero = arith::ConstantIndexOp::create(b, b.getUnknownLoc(), 0);
    return {zero, zero};
  };
  inputs.table = [&b](tensor::ExtractOp extract, ArrayRef<Interval> box) {
    return scanTable(b, extract, box);
  };
  inputs.captured = [](Value value) { return value; };
  return inputs;
}

/// @truth(..., b, q0, q1, k0, k1) -> any, all; of a point (..., b, q, k).
void Subject::makeTruth(StringRef name, bool isPoint) {
  func::FuncOp f = makeAnalysis(name, isPoint ? 3 : 5);
  OpBuilder b(f.front().getTerminator());
  ValueRange extra = f.getArguments().take_back(isPoint ? 3 : 5);
  Interval rows = {extra[1], isPoint ? extra[1] : extra[2]};
  Interval keys = isPoint ? Interval{extra[2], extra[2]}
                          : Interval{extra[3], extra[4]};
  PredicateInputs inputs =
      getInputs(b, {extra[0], extra[0]}, rows, keys);
  Truth truth =
      buildTruth(b, f.getLoc(), findPredicated(f).getWhere(), inputs);
  setResults(f, {truth.any, truth.all});
}

/// @ranges(..., b, q0, q1, extent) -> begin, end, begin, end, ...
void Subject::makeRanges() {
  func::FuncOp f = makeAnalysis("ranges", 4);
  OpBuilder b(f.front().getTerminator());
  ValueRange extra = f.getArguments().take_back(4);
  PredicateInputs inputs =
      getInputs(b, {extra[0], extra[0]}, {extra[1], extra[2]}, {});
  SmallVector<Value> results;
  for (Interval range :
       buildVisitRanges(b, f.getLoc(), findPredicated(f).getWhere(), "k",
                        extra[3], inputs)) {
    results.append({range.lo, range.hi});
  }
  setResults(f, results);
}

std::vector<Tensor> Subject::run(StringRef name, ArrayRef<int64_t> extra) {
  std::vector<Tensor> all = arguments;
  for (int64_t value : extra) {
    all.push_back(Tensor::fromIntegers({}, {value}));
  }
  auto f = module->lookupSymbol<func::FuncOp>(name);
  llvm::Expected<std::vector<Tensor>> results = reference::interpret(f, all);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return std::move(*results);
}

std::vector<std::vector<std::vector<bool>>> Subject::evaluate() {
  std::vector<Tensor> results = run("visible", {});
  int64_t longest = shape.getLongest(), at = 0;
  std::vector<std::vector<std::vector<bool>>> visible(
      shape.lengths.size(),
      std::vector<std::vector<bool>>(shape.rows,
                                     std::vector<bool>(longest)));
  for (auto &sequence : visible) {
    for (auto &row : sequence) {
      for (int64_t k = 0; k < longest; ++k) {
        row[k] = results.at(0).reals.at(at++) != 0;
      }
    }
  }
  return visible;
}

std::pair<bool, bool> Subject::getTruth(int64_t b, int64_t q0, int64_t q1,
                                        int64_t k0, int64_t k1) {
  std::vector<Tensor> results = run("truth", {b, q0, q1, k0, k1});
  return {results.at(0).integers.at(0) != 0, results.at(1).integers.at(0) != 0};
}

std::pair<bool, bool> Subject::getTruthAt(int64_t b, int64_t q, int64_t k) {
  std::vector<Tensor> results = run("point", {b, q, k});
  return {results.at(0).integers.at(0) != 0, results.at(1).integers.at(0) != 0};
}

std::vector<std::pair<int64_t, int64_t>>
Subject::getRanges(int64_t b, int64_t q0, int64_t q1) {
  std::vector<Tensor> results = run("ranges", {b, q0, q1, shape.getLongest()});
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (size_t i = 0; i + 1 < results.size(); i += 2) {
    ranges.push_back({results[i].integers.at(0), results[i + 1].integers.at(0)});
  }
  return ranges;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static void checkTile(Subject &subject, Promise promise,
                      const std::vector<std::vector<bool>> &visible, int64_t b,
                      int64_t q0, int64_t q1, int64_t k0, int64_t k1) {
  bool some = false, every = true;
  for (int64_t q = q0; q <= q1; ++q) {
    for (int64_t k = k0; k <= k1; ++k) {
      some |= visible[q][k];
      every &= visible[q][k];
    }
  }
  auto [any, all] = subject.getTruth(b, q0, q1, k0, k1);
  auto tile = [&] {
    return "tile q " + std::to_string(q0) + ".." + std::to_string(q1) + ", k " +
           std::to_string(k0) + ".." + std::to_string(k1);
  };
  EXPECT_TRUE(any || !some) << tile() << ": visible but called empty";
  EXPECT_TRUE(!all || every) << tile() << ": not full but called full";
  if (promise == Promise::Exact) {
    EXPECT_EQ(any, some) << tile();
    EXPECT_EQ(all, every) << tile();
  }
}

static void checkPoints(Subject &subject, Promise promise,
                        const std::vector<std::vector<bool>> &visible,
                        int64_t b) {
  for (size_t q = 0; q < visible.size(); ++q) {
    for (size_t k = 0; k < visible[q].size(); ++k) {
      auto [any, all] = subject.getTruthAt(b, q, k);
      EXPECT_TRUE(any || !visible[q][k]) << "point " << q << ", " << k;
      EXPECT_TRUE(!all || visible[q][k]) << "point " << q << ", " << k;
      if (promise != Promise::Sound) {
        EXPECT_EQ(any, all) << "point " << q << ", " << k << " undecided";
      }
    }
  }
}

static void checkRow(Subject &subject, Promise promise,
                     const std::vector<std::vector<bool>> &visible, int64_t b,
                     int64_t q0, int64_t q1, int64_t longest) {
  std::vector<unsigned> visits(longest);
  int64_t last = 0;
  for (auto [begin, end] : subject.getRanges(b, q0, q1)) {
    EXPECT_LE(last, begin) << "not in order";
    EXPECT_LE(begin, end);
    EXPECT_LE(end, longest);
    for (int64_t k = std::max<int64_t>(begin, 0);
         k < std::min(end, longest); ++k) {
      ++visits[k];
    }
    last = end;
  }
  for (int64_t k = 0; k < longest; ++k) {
    bool some = false;
    for (int64_t q = q0; q <= q1; ++q) {
      some |= visible[q][k];
    }
    EXPECT_LE(visits[k], 1u) << "key " << k << " met twice";
    EXPECT_TRUE(visits[k] || !some)
        << "visible key " << k << " missed by rows " << q0 << ".." << q1;
    if (promise == Promise::Exact) {
      EXPECT_EQ(visits[k] != 0, some)
          << "key " << k << " of rows " << q0 << ".." << q1;
    }
  }
}

static void check(MLIRContext &context, Promise promise, StringRef pattern,
                  StringRef where = "") {
  for (const Shape &shape : kShapes) {
    SCOPED_TRACE(("pattern " + pattern).str() + ", rows " +
                 std::to_string(shape.rows) + ", longest " +
                 std::to_string(shape.getLongest()));
    Subject subject(context, shape, pattern, where);
    if (testing::Test::HasFailure()) {
      return;
    }
    auto visible = subject.evaluate();
    int64_t longest = shape.getLongest();
    for (int64_t b = 0, e = shape.lengths.size(); b < e; ++b) {
      checkPoints(subject, promise, visible[b], b);
      for (int64_t q0 = 0; q0 < shape.rows; ++q0) {
        for (int64_t q1 = q0; q1 < shape.rows; ++q1) {
          checkRow(subject, promise, visible[b], b, q0, q1, longest);
          for (int64_t k0 = 0; k0 < longest; ++k0) {
            for (int64_t k1 = k0; k1 < longest; ++k1) {
              checkTile(subject, promise, visible[b], b, q0, q1, k0, k1);
            }
          }
        }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

namespace {
class PredicateRanges : public testing::TestWithParam<const char *> {};
class PredicateRangesExact : public testing::TestWithParam<const char *> {};
} // namespace

TEST_P(PredicateRangesExact, DecidesEveryTile) {
  auto context = makeContext();
  check(*context, Promise::Exact, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Named, PredicateRangesExact,
                         testing::Values("causal", "window<3>", "sink<2>",
                                         "prefix<4>", "block<3>",
                                         "causal and (window<3> or sink<2>)",
                                         "causal or prefix<2>",
                                         "causal and window<2>", "not causal",
                                         "causal and block<4>"));

TEST_P(PredicateRanges, IsNeverWrong) {
  auto context = makeContext();
  check(*context, Promise::Points, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Named, PredicateRanges,
    testing::Values("stride<3>", "causal and stride<2>", "document",
                    "causal and document", "not document",
                    "(causal or document) and not (window<2> or stride<3>) or "
                    "block<2> and not sink<1>"));

/// A tree of named patterns.
static std::string makePattern(std::mt19937 &engine, unsigned depth) {
  static const char *const kLeaves[] = {
      "causal",   "window<2>", "window<4>", "sink<1>",  "prefix<3>",
      "block<2>", "block<3>",  "stride<2>", "stride<3>", "document"};
  unsigned choice = engine() % 4;
  if (depth == 0 || choice == 0) {
    return kLeaves[engine() % std::size(kLeaves)];
  }
  if (choice == 1) {
    return "not (" + makePattern(engine, depth - 1) + ")";
  }
  std::string left = makePattern(engine, depth - 1);
  std::string right = makePattern(engine, depth - 1);
  return "(" + left + (choice == 2 ? ") and (" : ") or (") + right + ")";
}

TEST(PredicateRanges, IsNeverWrongOnRandomPatterns) {
  auto context = makeContext();
  std::mt19937 engine(7);
  for (unsigned i = 0; i < 12 && !HasFailure(); ++i) {
    check(*context, Promise::Points, makePattern(engine, 3));
  }
}

/// Least and greatest values, quotients, remainders, choices, i32 that wraps.
TEST(PredicateRanges, IsNeverWrongOnRegions) {
  auto context = makeContext();
  check(*context, Promise::Points, "all", R"mlir(
    where (%b: index, %h: index, %i: index, %j: index) {
      %two = arith.constant 2 : index
      %three = arith.constant 3 : index
      %five = arith.constant 5 : index
      %d = arith.subi %i, %j : index
      %a = math.absi %d : index
      %m = arith.minsi %a, %three : index
      %x = arith.maxsi %j, %two : index
      %p = arith.muli %x, %m : index
      %c = arith.cmpi slt, %p, %five : index
      %t = arith.divsi %d, %two : index
      %near = arith.cmpi ne, %t, %b : index
      %w = arith.select %near, %i, %five : index
      %e = arith.cmpi sle, %j, %w : index
      %r = arith.xori %c, %e : i1
      attn.yield %r : i1
    })mlir");
  check(*context, Promise::Sound, "all", R"mlir(
    where (%b: index, %h: index, %i: index, %j: index) {
      %big = arith.constant 1000000007 : i32
      %n = arith.index_cast %j : index to i32
      %w = arith.muli %n, %big : i32
      %z = arith.constant 0 : i32
      %c = arith.cmpi slt, %w, %z : i32
      attn.yield %c : i1
    })mlir");
  // A remainder has the sign of its dividend.
  check(*context, Promise::Points, "all", R"mlir(
    where (%b: index, %h: index, %i: index, %j: index) {
      %three = arith.constant 3 : index
      %zero = arith.constant 0 : index
      %d = arith.subi %i, %j : index
      %rest = arith.remsi %d, %three : index
      %c = arith.cmpi slt, %rest, %zero : index
      attn.yield %c : i1
    })mlir");
  check(*context, Promise::Sound, "all", R"mlir(
    where (%b: index, %h: index, %i: index, %j: index) {
      %big = arith.constant 1000000007 : i32
      %three = arith.constant 3 : index
      %j3 = arith.muli %j, %three : index
      %far = arith.cmpi ule, %j3, %i : index
      %n = arith.index_cast %j : index to i32
      %w = arith.muli %n, %big : i32
      %z = arith.constant 0 : i32
      %neg = arith.cmpi slt, %w, %z : i32
      %rest = arith.remui %j, %three : index
      %u = arith.minui %rest, %j : index
      %odd = arith.cmpi ult, %u, %b : index
      %e = arith.cmpi eq, %odd, %neg : i1
      %s = arith.select %far, %e, %neg : i1
      attn.yield %s : i1
    })mlir");
}

/// A condition on the query alone empties the ranges of other rows.
TEST(PredicateRanges, DecidesConditionsOnTheQuery) {
  auto context = makeContext();
  check(*context, Promise::Exact, "causal", R"mlir(
    where (%b: index, %h: index, %i: index, %j: index) {
      %one = arith.constant 1 : index
      %two = arith.constant 2 : index
      %late = arith.cmpi sge, %i, %two : index
      %first = arith.cmpi slt, %b, %one : index
      %c = arith.andi %late, %first : i1
      attn.yield %c : i1
    })mlir");
}

/// The example at the head of PredicateRanges.h.
TEST(PredicateRanges, WorkedExample) {
  auto context = makeContext();
  Subject subject(*context, {false, 16, {16}}, "causal and window<4>", "");
  EXPECT_EQ(subject.getTruth(0, 8, 11, 4, 7), std::pair(true, false));
  EXPECT_EQ(subject.getTruth(0, 8, 11, 0, 3), std::pair(false, false));
  EXPECT_EQ(subject.getTruth(0, 8, 8, 5, 8), std::pair(true, true));
  std::vector<std::pair<int64_t, int64_t>> expected = {{5, 12}};
  EXPECT_EQ(subject.getRanges(0, 8, 11), expected);
}
