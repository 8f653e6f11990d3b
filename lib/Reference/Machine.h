//===- Machine.h - how the interpreter runs, private to lib/Reference -----===//
//
// A function is translated once into closures. Every SSA value of the function,
// also those of nested regions, owns one *slot* of the function's frame, so a
// region sees captured values without any work, and running a region at five
// million points looks up no name and allocates nothing:
//
//   %p = arith.mulf %x, %y   ->   frame[7].real = frame[5].real * frame[6].real
//
// The table from operation names to translators is filled by one function per
// group of dialects: addUpstreamRules, addScalarRules, addCascadeRules,
// addAttnRules.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_REFERENCE_MACHINE_H
#define FOVEA_LIB_REFERENCE_MACHINE_H

#include "fovea/Reference/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>
#include <vector>

namespace fovea::reference {

using TensorRef = std::shared_ptr<const Tensor>;
class Machine;

/// One SSA value: a scalar in `real` or `integer`, or a tensor.
struct Slot {
  double real = 0;
  int64_t integer = 0;
  TensorRef tensor;
};

struct Frame {
  Machine &machine;
  std::vector<Slot> slots;
  unsigned depth;
  Slot &operator[](unsigned i) { return slots[i]; }
};

using Step = std::function<llvm::LogicalResult(Frame &)>;

/// A translated block: its arguments' slots, its steps, and the slots that
/// its terminator yields.
struct Program {
  llvm::SmallVector<unsigned, 4> arguments;
  std::vector<Step> steps;
  llvm::SmallVector<unsigned, 4> yields;

  llvm::LogicalResult run(Frame &frame) const {
    for (const Step &step : steps) {
      if (llvm::failed(step(frame))) {
        return llvm::failure();
      }
    }
    return llvm::success();
  }
};

struct Function {
  Program body;
  unsigned numSlots = 0;
};

class Translator;
using Rule =
    std::function<llvm::FailureOr<Step>(mlir::Operation *, Translator &)>;
using Rules = llvm::StringMap<Rule>;

void addUpstreamRules(Rules &rules);
void addScalarRules(Rules &rules);
void addCascadeRules(Rules &rules);
void addFoldRule(Rules &rules);
void addAttnRules(Rules &rules);
void addAppendRule(Rules &rules);

/// Holds what outlives a frame: translated functions and the first error.
class Machine {
public:
  explicit Machine(const Options &options);

  /// Notes an error at `op`; always failure.
  llvm::LogicalResult fail(mlir::Operation *op, const llvm::Twine &message);
  /// Takes over an error made elsewhere; always failure.
  llvm::LogicalResult fail(llvm::Error e);
  llvm::Error takeError();

  const Options &getOptions() const { return options; }
  const Rules &getRules() const { return rules; }
  /// Null after an error.
  const Function *getFunction(mlir::func::FuncOp f);
  /// Runs `f` on slots that are its arguments.
  llvm::LogicalResult call(mlir::func::FuncOp f, llvm::ArrayRef<Slot> arguments,
                           llvm::SmallVectorImpl<Slot> &results,
                           mlir::Operation *at, unsigned depth);
  /// A number of its own for each point of each fold: seeds its random cut.
  uint64_t nextPoint() { return numPoints++; }

private:
  const Options &options;
  Rules rules;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<Function>> functions;
  std::string error;
  uint64_t numPoints = 0;
};

/// Ranks that `cascade.index` may name inside a region.
struct RankScope {
  mlir::ArrayAttr ranks;
  /// Slots of the coordinates, one for each rank.
  unsigned coordinates;
  /// In a fold: the streamed rank. Its coordinates in the current tile are a
  /// tensor in slot `tile` while `step` runs; as a single coordinate the rank
  /// exists in `where` only.
  llvm::StringRef stream;
  unsigned tile = 0;
  bool inStep = false, inWhere = false;
};

/// Translates one function.
class Translator {
public:
  explicit Translator(Machine &machine) : machine(machine) {}

  /// The slot of a value; a value of a type with n components has n in a row.
  unsigned slot(mlir::Value value);
  llvm::SmallVector<unsigned, 4> slots(mlir::ValueRange values);
  /// A slot that belongs to no value.
  unsigned allocate(unsigned n = 1);
  unsigned getNumSlots() const { return numSlots; }

  llvm::LogicalResult translate(mlir::Block &block, Program &program);
  /// The region has one block or is empty (an empty program).
  llvm::LogicalResult translate(mlir::Operation *op, mlir::Region &region,
                                Program &program);

  Machine &machine;
  llvm::SmallVector<RankScope> scopes;

private:
  llvm::DenseMap<mlir::Value, unsigned> numbers;
  unsigned numSlots = 0;
};

//===----------------------------------------------------------------------===//
// Types and values
//===----------------------------------------------------------------------===//

/// Number of tensors or scalars that stand for a value of this type.
unsigned getNumComponents(mlir::Type type);

inline bool isRealType(mlir::Type type) {
  return llvm::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(type));
}
/// Bits of an integer element type; 64 for index.
unsigned getWidth(mlir::Type type);

inline int64_t signExtend(int64_t x, unsigned width) {
  unsigned shift = 64 - width;
  return static_cast<int64_t>(static_cast<uint64_t>(x) << shift) >> shift;
}
inline int64_t zeroExtend(int64_t x, unsigned width) {
  unsigned shift = 64 - width;
  return static_cast<int64_t>((static_cast<uint64_t>(x) << shift) >> shift);
}
/// The stored form of an integer: sign-extended, but an i1 is 0 or 1.
inline int64_t wrap(int64_t x, unsigned width) {
  return width == 1 ? x & 1 : signExtend(x, width);
}

/// Exact for every type that is no wider than double.
double toDouble(llvm::APFloat x);
/// The stored form of an integer attribute.
int64_t toInteger(const llvm::APInt &x);

/// The nearest value of f16, bf16 or f8E4M3FN, ties to even; of a type that is
/// wider `x` as it is.
double roundTo(double x, mlir::Type type);
/// True for the types that `roundTo` rounds to.
bool isNarrow(mlir::Type type);

double maximum(double a, double b);
double minimum(double a, double b);

/// Number of elements of a shape.
int64_t product(llvm::ArrayRef<int64_t> shape);
llvm::SmallVector<int64_t, 4> getStrides(llvm::ArrayRef<int64_t> shape);
/// `[2, 3]`, for messages.
std::string toText(llvm::ArrayRef<int64_t> shape);

/// Element `i` of a tensor as a scalar in a slot, and back.
void load(Slot &slot, const Tensor &tensor, int64_t i);
void store(Tensor &tensor, int64_t i, const Slot &slot);
/// A value of `type` in a slot as a tensor (rank 0 for a scalar), and back.
Tensor toTensor(const Slot &slot, mlir::Type type);
void fromTensor(Slot &slot, Tensor tensor, mlir::Type type);

} // namespace fovea::reference

#endif // FOVEA_LIB_REFERENCE_MACHINE_H
