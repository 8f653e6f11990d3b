//===- EvalUpstream.cpp - control flow, tensors, calls --------------------===//
//
// func, scf, cf and tensor; the scalar dialects lie in EvalScalar.cpp.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;
using namespace fovea::reference;

//===----------------------------------------------------------------------===//
// func, cf
//===----------------------------------------------------------------------===//

static FailureOr<Step> translateCall(func::CallOp op, Translator &t) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee) {
    return t.machine.fail(op,
                          "expected a function named '" + op.getCallee() + "'");
  }
  auto operands = t.slots(op.getOperands()), results = t.slots(op.getResults());
  return Step([=](Frame &f) {
    SmallVector<Slot> arguments, values;
    for (unsigned operand : operands) {
      arguments.push_back(f[operand]);
    }
    if (failed(f.machine.call(callee, arguments, values, op, f.depth + 1))) {
      return failure();
    }
    for (auto [number, value] : llvm::zip_equal(results, values)) {
      f[number] = std::move(value);
    }
    return success();
  });
}

static FailureOr<Step> translateAssert(cf::AssertOp op, Translator &t) {
  unsigned condition = t.slot(op.getArg());
  return Step([=](Frame &f) mutable {
    if (f[condition].integer) {
      return success();
    }
    return f.machine.fail(op, "failed: " + op.getMsg());
  });
}

//===----------------------------------------------------------------------===//
// scf
//===----------------------------------------------------------------------===//

static void copySlots(Frame &f, ArrayRef<unsigned> from,
                      ArrayRef<unsigned> to) {
  // By way of a copy: a loop may yield its own arguments in another order.
  SmallVector<Slot, 4> values;
  for (unsigned number : from) {
    values.push_back(f[number]);
  }
  for (auto [number, value] : llvm::zip_equal(to, values)) {
    f[number] = std::move(value);
  }
}

static FailureOr<Step> translateIf(scf::IfOp op, Translator &t) {
  Program then, otherwise;
  if (failed(t.translate(op, op.getThenRegion(), then)) ||
      failed(t.translate(op, op.getElseRegion(), otherwise))) {
    return failure();
  }
  unsigned condition = t.slot(op.getCondition());
  auto results = t.slots(op.getResults());
  return Step([=](Frame &f) {
    const Program &branch = f[condition].integer ? then : otherwise;
    if (failed(branch.run(f))) {
      return failure();
    }
    copySlots(f, branch.yields, results);
    return success();
  });
}

static FailureOr<Step> translateFor(scf::ForOp op, Translator &t) {
  Program body;
  if (failed(t.translate(op, op.getRegion(), body))) {
    return failure();
  }
  unsigned lower = t.slot(op.getLowerBound()),
           upper = t.slot(op.getUpperBound()), step = t.slot(op.getStep());
  auto inits = t.slots(op.getInitArgs()), results = t.slots(op.getResults());
  SmallVector<unsigned, 4> carried(llvm::drop_begin(body.arguments));
  return Step([=](Frame &f) {
    int64_t stride = f[step].integer;
    if (stride <= 0) {
      return f.machine.fail(op,
                            "expected a positive step, got " + Twine(stride));
    }
    copySlots(f, inits, carried);
    int64_t end = f[upper].integer;
    for (int64_t i = f[lower].integer; i < end;) {
      f[body.arguments[0]].integer = i;
      if (failed(body.run(f))) {
        return failure();
      }
      copySlots(f, body.yields, carried);
      if (i > std::numeric_limits<int64_t>::max() - stride) {
        break;
      }
      i += stride;
    }
    copySlots(f, carried, results);
    return success();
  });
}

//===----------------------------------------------------------------------===//
// tensor
//===----------------------------------------------------------------------===//

static FailureOr<Step> translateDim(tensor::DimOp op, Translator &t) {
  unsigned source = t.slot(op.getSource()), index = t.slot(op.getIndex()),
           result = t.slot(op.getResult());
  return Step([=](Frame &f) {
    ArrayRef<int64_t> shape = f[source].tensor->shape;
    int64_t i = f[index].integer;
    if (i < 0 || i >= static_cast<int64_t>(shape.size())) {
      return f.machine.fail(op, "expected a dimension in [0, " +
                                    Twine(shape.size()) + "), got " + Twine(i));
    }
    f[result].integer = shape[i];
    return success();
  });
}

/// Offset of an element, or -1 after an error.
static int64_t locate(Frame &f, Operation *op, const Tensor &tensor,
                      ArrayRef<unsigned> indices) {
  int64_t offset = 0;
  for (auto [d, number] : llvm::enumerate(indices)) {
    int64_t i = f[number].integer;
    if (i < 0 || i >= tensor.shape[d]) {
      (void)f.machine.fail(op, "expected index " + Twine(d) + " in [0, " +
                                   Twine(tensor.shape[d]) + "), got " +
                                   Twine(i));
      return -1;
    }
    offset = offset * tensor.shape[d] + i;
  }
  return offset;
}

static FailureOr<Step> translateExtract(tensor::ExtractOp op, Translator &t) {
  unsigned source = t.slot(op.getTensor()), result = t.slot(op.getResult());
  auto indices = t.slots(op.getIndices());
  return Step([=](Frame &f) {
    const Tensor &tensor = *f[source].tensor;
    int64_t offset = locate(f, op, tensor, indices);
    if (offset < 0) {
      return failure();
    }
    load(f[result], tensor, offset);
    return success();
  });
}

static FailureOr<Step> translateInsert(tensor::InsertOp op, Translator &t) {
  unsigned scalar = t.slot(op.getScalar()), dest = t.slot(op.getDest()),
           result = t.slot(op.getResult());
  auto indices = t.slots(op.getIndices());
  return Step([=](Frame &f) {
    Tensor tensor = *f[dest].tensor;
    int64_t offset = locate(f, op, tensor, indices);
    if (offset < 0) {
      return failure();
    }
    store(tensor, offset, f[scalar]);
    f[result].tensor = std::make_shared<const Tensor>(std::move(tensor));
    return success();
  });
}

/// Static extents of `type`, the dynamic ones from `dynamic` in order. An
/// error if one is negative.
static LogicalResult getShape(Frame &f, Operation *op, ShapedType type,
                              ArrayRef<unsigned> dynamic,
                              SmallVectorImpl<int64_t> &shape) {
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size)) {
      size = f[dynamic.front()].integer;
      dynamic = dynamic.drop_front();
    }
    if (size < 0) {
      return f.machine.fail(op, "expected extents of at least 0, got " +
                                    Twine(size));
    }
    shape.push_back(size);
  }
  return success();
}

static FailureOr<Step> translateEmpty(tensor::EmptyOp op, Translator &t) {
  auto dynamic = t.slots(op.getDynamicSizes());
  unsigned result = t.slot(op.getResult());
  RankedTensorType type = op.getType();
  return Step([=](Frame &f) {
    SmallVector<int64_t> shape;
    if (failed(getShape(f, op, type, dynamic, shape))) {
      return failure();
    }
    Tensor tensor = Tensor::zeros(shape, type.getElementType());
    for (double &x : tensor.reals) {
      x = std::numeric_limits<double>::quiet_NaN();
    }
    f[result].tensor = std::make_shared<const Tensor>(std::move(tensor));
    return success();
  });
}

static FailureOr<Step> translateSplat(tensor::SplatOp op, Translator &t) {
  auto dynamic = t.slots(op.getDynamicSizes());
  unsigned input = t.slot(op.getInput()), result = t.slot(op.getResult());
  auto type = cast<RankedTensorType>(op.getType());
  return Step([=](Frame &f) {
    SmallVector<int64_t> shape;
    if (failed(getShape(f, op, type, dynamic, shape))) {
      return failure();
    }
    Tensor tensor = Tensor::zeros(shape, type.getElementType());
    for (int64_t i = 0, n = tensor.getNumElements(); i < n; ++i) {
      store(tensor, i, f[input]);
    }
    f[result].tensor = std::make_shared<const Tensor>(std::move(tensor));
    return success();
  });
}

static FailureOr<Step> translateFromElements(tensor::FromElementsOp op,
                                             Translator &t) {
  auto elements = t.slots(op.getElements());
  unsigned result = t.slot(op.getResult());
  auto type = cast<RankedTensorType>(op.getType());
  return Step([=](Frame &f) {
    Tensor tensor = Tensor::zeros(type.getShape(), type.getElementType());
    for (auto [i, number] : llvm::enumerate(elements)) {
      store(tensor, i, f[number]);
    }
    f[result].tensor = std::make_shared<const Tensor>(std::move(tensor));
    return success();
  });
}

/// The same elements under another shape; their number must agree.
static LogicalResult reshape(Frame &f, Operation *op, unsigned source,
                             unsigned result, ArrayRef<int64_t> shape) {
  Tensor tensor = *f[source].tensor;
  if (product(shape) != tensor.getNumElements()) {
    return f.machine.fail(op, "expected a shape of " +
                                  Twine(tensor.getNumElements()) +
                                  " elements, got " + toText(shape));
  }
  tensor.shape.assign(shape.begin(), shape.end());
  f[result].tensor = std::make_shared<const Tensor>(std::move(tensor));
  return success();
}

static FailureOr<Step> translateExpandShape(tensor::ExpandShapeOp op,
                                            Translator &t) {
  unsigned source = t.slot(op.getSrc()), result = t.slot(op.getResult());
  auto dynamic = t.slots(op.getOutputShape());
  ArrayRef<int64_t> sizes = op.getStaticOutputShape();
  SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
  return Step([=](Frame &f) {
    SmallVector<int64_t> shape;
    unsigned next = 0;
    for (int64_t size : sizes) {
      shape.push_back(ShapedType::isDynamic(size) ? f[dynamic[next++]].integer
                                                  : size);
    }
    ArrayRef<int64_t> from = f[source].tensor->shape;
    for (auto [d, group] : llvm::enumerate(groups)) {
      int64_t n = 1;
      for (int64_t i : group) {
        n *= shape[i];
      }
      if (n != from[d]) {
        return f.machine.fail(
            op, "expected dimension " + Twine(d) + " of " + toText(from) +
                    " to be split without remainder, got " + toText(shape));
      }
    }
    return reshape(f, op, source, result, shape);
  });
}

static FailureOr<Step> translateCollapseShape(tensor::CollapseShapeOp op,
                                              Translator &t) {
  unsigned source = t.slot(op.getSrc()), result = t.slot(op.getResult());
  SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
  return Step([=](Frame &f) {
    SmallVector<int64_t> shape;
    for (const ReassociationIndices &group : groups) {
      int64_t n = 1;
      for (int64_t i : group) {
        n *= f[source].tensor->shape[i];
      }
      shape.push_back(n);
    }
    return reshape(f, op, source, result, shape);
  });
}

static FailureOr<Step> translateCast(tensor::CastOp op, Translator &t) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type || !isa<RankedTensorType>(op.getSource().getType())) {
    return t.machine.fail(op, "expected ranked tensors");
  }
  unsigned source = t.slot(op.getSource()), result = t.slot(op.getResult());
  return Step([=](Frame &f) {
    ArrayRef<int64_t> shape = f[source].tensor->shape;
    for (auto [size, expected] : llvm::zip_equal(shape, type.getShape())) {
      if (!ShapedType::isDynamic(expected) && size != expected) {
        return f.machine.fail(op, "expected a tensor of shape " +
                                      toText(type.getShape()) + ", got " +
                                      toText(shape));
      }
    }
    f[result].tensor = f[source].tensor;
    return success();
  });
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

template <typename Op>
static void add(Rules &rules, FailureOr<Step> (*translate)(Op, Translator &)) {
  rules[Op::getOperationName()] = [=](Operation *op, Translator &t) {
    return translate(cast<Op>(op), t);
  };
}

void fovea::reference::addUpstreamRules(Rules &rules) {
  addScalarRules(rules);
  add(rules, translateCall);
  add(rules, translateAssert);
  add(rules, translateIf);
  add(rules, translateFor);
  add(rules, translateDim);
  add(rules, translateExtract);
  add(rules, translateInsert);
  add(rules, translateEmpty);
  add(rules, translateSplat);
  add(rules, translateFromElements);
  add(rules, translateExpandShape);
  add(rules, translateCollapseShape);
  add(rules, translateCast);
}
