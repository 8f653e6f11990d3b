//===- Predicate.cpp - patterns as scalar code ----------------------------===//
//
// A pattern becomes plain arithmetic on coordinates; nothing later knows the
// names. `causal and window<256>` of a dense cache:
//
//     %q = cascade.index "q"              // the row
//     %i = %q + (Sk - Sq)                 // the query's position
//     %k = cascade.index "k"
//     %c = %k <= %i
//     %d = %i - %k
//     %w = %d < 256 and %d > -256
//     %p = %c and %w
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea;
using attn::PatternAttr;
using attn::PatternKind;

Coordinates fovea::buildCoordinates(OpBuilder &b, Location loc,
                                    const Extents &extents) {
  auto index = [&](StringRef rank) -> Value {
    return cascade::IndexOp::create(b, loc, rank);
  };
  Coordinates at;
  at.batch = index("b");
  Value first = arith::MulIOp::create(b, loc, index("g"), extents.group);
  at.head = arith::AddIOp::create(b, loc, first, index("r"));
  at.length = extents.keys;
  if (extents.lengths) {
    Value length =
        tensor::ExtractOp::create(b, loc, extents.lengths, at.batch);
    at.length =
        arith::IndexCastOp::create(b, loc, b.getIndexType(), length);
  }
  Value shift = arith::SubIOp::create(b, loc, at.length, extents.queries);
  at.query = arith::AddIOp::create(b, loc, index("q"), shift);
  at.key = index("k");
  return at;
}

Value fovea::inlineRegion(OpBuilder &b, Region &region, ValueRange arguments) {
  IRMapping mapping;
  mapping.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator()) {
    b.clone(op, mapping);
  }
  Operation *yield = region.front().getTerminator();
  return mapping.lookupOrDefault(yield->getOperand(0));
}

namespace {

/// Writes the pattern's tree at one point.
class PatternWriter {
public:
  PatternWriter(OpBuilder &b, Location loc, const Coordinates &at,
                Value documents)
      : b(b), loc(loc), at(at), documents(documents) {}

  Value write(PatternAttr pattern) {
    switch (pattern.getKind()) {
    case PatternKind::All:
      return arith::ConstantIntOp::create(b, loc, true, 1);
    case PatternKind::Causal:
      return compare(arith::CmpIPredicate::sle, at.key, at.query);
    case PatternKind::Window:
      return writeWindow(pattern.getValue());
    case PatternKind::Sink:
    case PatternKind::Prefix:
      return compare(arith::CmpIPredicate::slt, at.key,
                     constant(pattern.getValue()));
    case PatternKind::Block:
      return writeBlock(pattern.getValue());
    case PatternKind::Stride:
      return writeStride(pattern.getValue());
    case PatternKind::Document:
      return writeDocument();
    case PatternKind::Not: {
      Value inner = write(pattern.getOperands().front());
      Value yes = arith::ConstantIntOp::create(b, loc, true, 1);
      return arith::XOrIOp::create(b, loc, inner, yes);
    }
    case PatternKind::And:
    case PatternKind::Or:
      return writeChain(pattern);
    }
    llvm_unreachable("unknown pattern");
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpIOp::create(b, loc, predicate, lhs, rhs);
  }

  Value distance() {
    return arith::SubIOp::create(b, loc, at.query, at.key);
  }

  Value writeWindow(int64_t width) {
    Value d = distance();
    Value behind = compare(arith::CmpIPredicate::slt, d, constant(width));
    Value ahead = compare(arith::CmpIPredicate::sgt, d, constant(-width));
    return arith::AndIOp::create(b, loc, behind, ahead);
  }

  Value writeBlock(int64_t size) {
    // Positions of queries may be negative: round down, not towards 0.
    Value n = constant(size);
    Value query = arith::FloorDivSIOp::create(b, loc, at.query, n);
    Value key = arith::FloorDivSIOp::create(b, loc, at.key, n);
    return compare(arith::CmpIPredicate::eq, query, key);
  }

  Value writeStride(int64_t period) {
    // The sign of a remainder does not matter: 0 is 0.
    Value rest =
        arith::RemSIOp::create(b, loc, distance(), constant(period));
    return compare(arith::CmpIPredicate::eq, rest, constant(0));
  }

  Value writeDocument() {
    Value zero = constant(0);
    Value exists = compare(arith::CmpIPredicate::sge, at.query, zero);
    // Both sides of an `and` are evaluated: never read before the table.
    Value row = arith::MaxSIOp::create(b, loc, at.query, zero);
    Value query = tensor::ExtractOp::create(b, loc, documents,
                                            ValueRange{at.batch, row});
    Value key = tensor::ExtractOp::create(b, loc, documents,
                                          ValueRange{at.batch, at.key});
    Value same = compare(arith::CmpIPredicate::eq, query, key);
    return arith::AndIOp::create(b, loc, exists, same);
  }

  Value writeChain(PatternAttr pattern) {
    Value result;
    for (PatternAttr operand : pattern.getOperands()) {
      Value next = write(operand);
      if (!result) {
        result = next;
      } else if (pattern.getKind() == PatternKind::And) {
        result = arith::AndIOp::create(b, loc, result, next);
      } else {
        result = arith::OrIOp::create(b, loc, result, next);
      }
    }
    return result;
  }

  OpBuilder &b;
  Location loc;
  const Coordinates &at;
  Value documents;
};

} // namespace

bool fovea::hasPredicate(attn::AttendOp op) {
  return op.getPattern().getKind() != PatternKind::All || op.hasWhere() ||
         op.getKVType().isPaged();
}

Value fovea::buildPredicate(OpBuilder &b, attn::AttendOp op,
                            const Extents &extents) {
  Location loc = op.getLoc();
  Coordinates at = buildCoordinates(b, loc, extents);
  Value result;
  auto conjoin = [&](Value next) {
    result = result ? arith::AndIOp::create(b, loc, result, next).getResult()
                    : next;
  };
  if (extents.lengths) {
    conjoin(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at.key,
                                  at.length));
  }
  if (op.getPattern().getKind() != PatternKind::All) {
    conjoin(PatternWriter(b, loc, at, op.getDocuments())
                .write(op.getPattern()));
  }
  if (op.hasWhere()) {
    conjoin(inlineRegion(b, op.getWhere(),
                         {at.batch, at.head, at.query, at.key}));
  }
  return result;
}
