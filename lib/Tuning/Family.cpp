//===- Family.cpp - programs that one schedule suits ----------------------===//

#include "fovea/Tuning/Family.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace fovea;

namespace {

class Writer {
public:
  std::string write(func::FuncOp function);

private:
  void write(Operation &op);
  void write(Region &region);
  void writeAttribute(Operation &op, NamedAttribute attribute);

  std::string text;
  llvm::raw_string_ostream os{text};
  DenseMap<Value, unsigned> numbers;
};

} // namespace

/// Names of values, and what is for people.
static bool isName(Operation &op, StringRef attribute) {
  return attribute == "cascade.name" ||
         (isa<cf::AssertOp>(op) && attribute == "msg");
}

void Writer::writeAttribute(Operation &op, NamedAttribute attribute) {
  if (isName(op, attribute.getName())) {
    return;
  }
  os << ' ' << attribute.getName().getValue() << '=';
  // Of a constant the type is written with the result.
  if (!isa<arith::ConstantOp>(op)) {
    attribute.getValue().print(os);
  }
}

void Writer::write(Operation &op) {
  os << op.getName();
  for (Value operand : op.getOperands()) {
    os << " %" << numbers.lookup(operand);
  }
  for (NamedAttribute attribute : op.getAttrDictionary()) {
    writeAttribute(op, attribute);
  }
  for (Value result : op.getResults()) {
    unsigned number = numbers.size() + 1;
    numbers[result] = number;
    os << " : " << result.getType();
  }
  os << '\n';
  for (Region &region : op.getRegions()) {
    write(region);
  }
}

void Writer::write(Region &region) {
  os << "{\n";
  for (Block &block : region) {
    os << '^';
    for (BlockArgument argument : block.getArguments()) {
      unsigned number = numbers.size() + 1;
      numbers[argument] = number;
      os << ' ' << argument.getType();
    }
    os << '\n';
    for (Operation &op : block) {
      write(op);
    }
  }
  os << "}\n";
}

std::string Writer::write(func::FuncOp function) {
  // Of the function itself nothing counts but its body: attributes of its
  // arguments are names, its own a schedule.
  write(function.getBody());
  return std::move(text);
}

std::string fovea::describeFamily(func::FuncOp function) {
  return Writer().write(function);
}

std::string fovea::getFamily(func::FuncOp function) {
  std::string text = describeFamily(function);
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::toHex(ArrayRef<uint8_t>(hash).take_front(8),
                     /*LowerCase=*/true);
}
