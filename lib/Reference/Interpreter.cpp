//===- Interpreter.cpp - entry point and the machine ----------------------===//

#include "fovea/Reference/Interpreter.h"

#include "Machine.h"

#include "fovea/dialects/Attn/Attn.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/raw_ostream.h"

#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

int64_t fovea::reference::product(ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t size : shape) {
    n *= size;
  }
  return n;
}

SmallVector<int64_t, 4> fovea::reference::getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t, 4> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * shape[i + 1];
  }
  return strides;
}

std::string fovea::reference::toText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os);
  os << ']';
  return text;
}

int64_t Tensor::getNumElements() const { return product(shape); }

Tensor Tensor::fromReals(ArrayRef<int64_t> shape, std::vector<double> data) {
  Tensor t;
  t.shape.assign(shape.begin(), shape.end());
  t.reals = std::move(data);
  assert(t.getNumElements() == static_cast<int64_t>(t.reals.size()));
  return t;
}

Tensor Tensor::fromIntegers(ArrayRef<int64_t> shape,
                            std::vector<int64_t> data) {
  Tensor t;
  t.isReal = false;
  t.shape.assign(shape.begin(), shape.end());
  t.integers = std::move(data);
  assert(t.getNumElements() == static_cast<int64_t>(t.integers.size()));
  return t;
}

Tensor Tensor::zeros(ArrayRef<int64_t> shape, Type elementType) {
  Tensor t;
  t.elementType = elementType;
  t.isReal = isRealType(elementType);
  t.shape.assign(shape.begin(), shape.end());
  (t.isReal ? t.reals.resize(product(shape), 0.0)
            : t.integers.resize(product(shape), 0));
  return t;
}

double fovea::reference::maximum(double a, double b) {
  if (a != a || b != b) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (a == b) {
    return std::signbit(a) ? b : a;
  }
  return a < b ? b : a;
}

double fovea::reference::minimum(double a, double b) {
  if (a != a || b != b) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (a == b) {
    return std::signbit(a) ? a : b;
  }
  return a < b ? a : b;
}

unsigned fovea::reference::getWidth(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

unsigned fovea::reference::getNumComponents(Type type) {
  auto kv = dyn_cast<attn::KVType>(type);
  return kv ? kv.getComponentTypes().size() : 1;
}

void fovea::reference::load(Slot &slot, const Tensor &tensor, int64_t i) {
  if (tensor.isReal) {
    slot.real = tensor.reals[i];
  } else {
    slot.integer = tensor.integers[i];
  }
}

void fovea::reference::store(Tensor &tensor, int64_t i, const Slot &slot) {
  if (tensor.isReal) {
    tensor.reals[i] = slot.real;
  } else {
    tensor.integers[i] = slot.integer;
  }
}

Tensor fovea::reference::toTensor(const Slot &slot, Type type) {
  if (isa<ShapedType>(type)) {
    return *slot.tensor;
  }
  Tensor t = Tensor::zeros({}, type);
  store(t, 0, slot);
  return t;
}

void fovea::reference::fromTensor(Slot &slot, Tensor tensor, Type type) {
  if (!isa<ShapedType>(type)) {
    load(slot, tensor, 0);
    return;
  }
  tensor.elementType = getElementTypeOrSelf(type);
  slot.tensor = std::make_shared<const Tensor>(std::move(tensor));
}

//===----------------------------------------------------------------------===//
// Machine
//===----------------------------------------------------------------------===//

/// `file:12:3: ` where the location is known.
static std::string describe(Location loc) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto file = loc->findInstanceOf<FileLineColLoc>()) {
    os << file.getFilename().getValue() << ':' << file.getLine() << ':'
       << file.getColumn();
  } else {
    os << loc;
  }
  return text;
}

Machine::Machine(const Options &options) : options(options) {
  addUpstreamRules(rules);
  addCascadeRules(rules);
  addAttnRules(rules);
}

LogicalResult Machine::fail(Operation *op, const Twine &message) {
  if (error.empty()) {
    error = describe(op->getLoc()) + ": '" +
            op->getName().getStringRef().str() + "' " + message.str();
  }
  return failure();
}

LogicalResult Machine::fail(llvm::Error e) {
  std::string message = llvm::toString(std::move(e));
  if (error.empty()) {
    error = std::move(message);
  }
  return failure();
}

llvm::Error Machine::takeError() {
  assert(!error.empty() && "a failure without a message");
  llvm::Error e = llvm::createStringError(error);
  error.clear();
  return e;
}

const Function *Machine::getFunction(func::FuncOp f) {
  auto it = functions.find(f);
  if (it != functions.end()) {
    return it->second.get();
  }
  if (f.isExternal()) {
    (void)fail(f, "expected a function with a body, got '" + f.getName() + "'");
    return nullptr;
  }
  auto function = std::make_unique<Function>();
  Translator translator(*this);
  if (failed(translator.translate(f, f.getBody(), function->body))) {
    return nullptr;
  }
  function->numSlots = translator.getNumSlots();
  return (functions[f] = std::move(function)).get();
}

LogicalResult Machine::call(func::FuncOp f, ArrayRef<Slot> arguments,
                            SmallVectorImpl<Slot> &results, Operation *at,
                            unsigned depth) {
  if (depth > options.maxCallDepth) {
    return fail(at, "expected calls nested at most " +
                        Twine(options.maxCallDepth) + " deep");
  }
  const Function *function = getFunction(f);
  if (!function) {
    return failure();
  }
  Frame frame{*this, std::vector<Slot>(function->numSlots), depth};
  for (auto [number, value] :
       llvm::zip_equal(function->body.arguments, arguments)) {
    frame[number] = value;
  }
  if (failed(function->body.run(frame))) {
    return failure();
  }
  for (unsigned number : function->body.yields) {
    results.push_back(frame[number]);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Translator
//===----------------------------------------------------------------------===//

unsigned Translator::allocate(unsigned n) {
  numSlots += n;
  return numSlots - n;
}

unsigned Translator::slot(Value value) {
  auto [it, isNew] = numbers.try_emplace(value, 0);
  if (isNew) {
    it->second = allocate(getNumComponents(value.getType()));
  }
  return it->second;
}

SmallVector<unsigned, 4> Translator::slots(ValueRange values) {
  SmallVector<unsigned, 4> result;
  for (Value value : values) {
    unsigned first = slot(value);
    for (unsigned i = 0, n = getNumComponents(value.getType()); i < n; ++i) {
      result.push_back(first + i);
    }
  }
  return result;
}

LogicalResult Translator::translate(Block &block, Program &program) {
  program.arguments = slots(block.getArguments());
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      if (op.getNumSuccessors() != 0) {
        return machine.fail(&op, "is not supported by the interpreter");
      }
      program.yields = slots(op.getOperands());
      return success();
    }
    auto rule = machine.getRules().find(op.getName().getStringRef());
    if (rule == machine.getRules().end()) {
      return machine.fail(&op, "is not supported by the interpreter");
    }
    FailureOr<Step> step = rule->second(&op, *this);
    if (failed(step)) {
      return failure();
    }
    program.steps.push_back(std::move(*step));
  }
  return success();
}

LogicalResult Translator::translate(Operation *op, Region &region,
                                    Program &program) {
  if (region.empty()) {
    return success();
  }
  if (!region.hasOneBlock()) {
    return machine.fail(op, "expected regions of one block");
  }
  return translate(region.front(), program);
}

//===----------------------------------------------------------------------===//
// interpret
//===----------------------------------------------------------------------===//

/// Checks an argument against its declared type and puts it into a slot.
static LogicalResult bind(Machine &machine, func::FuncOp f, unsigned i,
                          const Tensor &argument, Type type, Slot &slot) {
  SmallVector<int64_t> shape;
  if (auto shaped = dyn_cast<RankedTensorType>(type)) {
    shape.assign(shaped.getShape().begin(), shaped.getShape().end());
  } else if (!type.isIntOrIndexOrFloat()) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return machine.fail(f, "expected arguments that are numbers or ranked "
                           "tensors, got " +
                               text);
  }
  Type elementType = getElementTypeOrSelf(type);
  bool fits = shape.size() == argument.shape.size() &&
              argument.isReal == isRealType(type) &&
              (!argument.elementType || argument.elementType == elementType);
  for (size_t d = 0; fits && d < shape.size(); ++d) {
    fits = ShapedType::isDynamic(shape[d]) || shape[d] == argument.shape[d];
  }
  if (!fits) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "expected argument " << i << " of type " << type << ", got "
       << (argument.isReal ? "real numbers" : "integers") << " of shape "
       << toText(argument.shape);
    return machine.fail(f, text);
  }
  size_t held =
      argument.isReal ? argument.reals.size() : argument.integers.size();
  if (static_cast<int64_t>(held) != argument.getNumElements()) {
    return machine.fail(f, "expected argument " + Twine(i) + " to hold " +
                               Twine(argument.getNumElements()) +
                               " elements, got " + Twine(held));
  }
  fromTensor(slot, argument, type);
  return success();
}

llvm::Expected<std::vector<Tensor>>
fovea::reference::interpret(func::FuncOp f, ArrayRef<Tensor> arguments,
                            const Options &options) {
  Machine machine(options);
  SmallVector<Type> types;
  for (Type type : f.getArgumentTypes()) {
    if (auto kv = dyn_cast<attn::KVType>(type)) {
      llvm::append_range(types, kv.getComponentTypes());
    } else {
      types.push_back(type);
    }
  }
  if (types.size() != arguments.size()) {
    (void)machine.fail(f, "expected " + Twine(types.size()) +
                              " arguments, got " + Twine(arguments.size()));
    return machine.takeError();
  }
  SmallVector<Slot> slots(types.size()), results;
  for (unsigned i = 0; i < types.size(); ++i) {
    if (failed(bind(machine, f, i, arguments[i], types[i], slots[i]))) {
      return machine.takeError();
    }
  }
  if (failed(machine.call(f, slots, results, f, 0))) {
    return machine.takeError();
  }
  std::vector<Tensor> tensors;
  if (results.size() != f.getNumResults()) {
    (void)machine.fail(f, "expected results that are numbers or tensors");
    return machine.takeError();
  }
  for (auto [slot, type] : llvm::zip_equal(results, f.getResultTypes())) {
    tensors.push_back(toTensor(slot, type));
  }
  return tensors;
}
