//===- LaneLowering.cpp - what one lane does, as intrinsics ---------------===//

#include "fovea/Target/Common/LaneLowering.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea;

/// Memory spaces of lane code; LLVM numbers them alike for all devices.
static constexpr unsigned kGlobalSpace = 1;
static constexpr unsigned kNearSpace = 3;

/// All near memory of a task, sized when it is launched.
static constexpr llvm::StringLiteral kNearName = "near_memory";

LaneLowering::LaneLowering(gpu::GPUModuleOp module, tile::MachineAttr machine,
                           ArrayRef<MatrixAtom> atoms)
    : b(module.getContext()), loc(module.getLoc()), module(module),
      machine(machine), atoms(atoms), types(module.getContext()) {}

LaneLowering::~LaneLowering() = default;

//===----------------------------------------------------------------------===//
// Small things to build with
//===----------------------------------------------------------------------===//

Value LaneLowering::call(StringRef intrinsic, Type result,
                         ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(b, loc, result,
                                       b.getStringAttr(intrinsic), arguments)
      .getResult(0);
}

void LaneLowering::call(StringRef intrinsic, ValueRange arguments) {
  LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr(intrinsic), arguments);
}

Value LaneLowering::constant(int64_t value, unsigned width) {
  Type type = b.getIntegerType(width);
  return LLVM::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, value));
}

Value LaneLowering::bitcast(Value value, Type type) {
  return value.getType() == type
             ? value
             : LLVM::BitcastOp::create(b, loc, type, value).getResult();
}

Value LaneLowering::castIndex(Value value, Type type) {
  return arith::IndexCastUIOp::create(b, loc, type, value);
}

SmallVector<Value> LaneLowering::split(Value vector, Type part) {
  auto type = cast<VectorType>(vector.getType());
  auto elements = dyn_cast<VectorType>(part);
  unsigned width =
      part.isIntOrFloat()
          ? part.getIntOrFloatBitWidth()
          : elements.getNumElements() * elements.getElementTypeBitWidth();
  int64_t count =
      type.getNumElements() * type.getElementTypeBitWidth() / width;
  auto words = VectorType::get(count, b.getIntegerType(width));
  vector = bitcast(vector, words);
  SmallVector<Value> parts;
  for (int64_t i = 0; i < count; ++i) {
    Value word = LLVM::ExtractElementOp::create(b, loc, vector, constant(i));
    parts.push_back(bitcast(word, part));
  }
  return parts;
}

Value LaneLowering::join(Value structure, VectorType type) {
  SmallVector<Value> fields;
  auto structType = dyn_cast<LLVM::LLVMStructType>(structure.getType());
  if (!structType) {
    fields.push_back(structure);
  } else {
    for (unsigned i = 0; i < structType.getBody().size(); ++i) {
      fields.push_back(LLVM::ExtractValueOp::create(b, loc, structure, i));
    }
  }
  auto words = VectorType::get(fields.size(), fields.front().getType());
  Value vector = LLVM::PoisonOp::create(b, loc, words);
  for (auto [i, field] : llvm::enumerate(fields)) {
    vector = LLVM::InsertElementOp::create(b, loc, vector, field, constant(i));
  }
  return bitcast(vector, type);
}

Value LaneLowering::getAddress(Value buffer, Value index) {
  auto type = cast<MemRefType>(buffer.getType());
  Type llvmType = types.convertType(type);
  Value fields =
      UnrealizedConversionCastOp::create(b, loc, llvmType, buffer).getResult(0);
  MemRefDescriptor descriptor(fields);
  Value at = castIndex(index, b.getI64Type());
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(strides, offset)) || offset != 0) {
    at = LLVM::AddOp::create(b, loc, at, descriptor.offset(b, loc));
  }
  Value base = descriptor.alignedPtr(b, loc);
  return LLVM::GEPOp::create(b, loc, base.getType(),
                             types.convertType(type.getElementType()), base,
                             at);
}

//===----------------------------------------------------------------------===//
// Operations that only some machines have
//===----------------------------------------------------------------------===//

Value LaneLowering::makeReadMatrix(tile::ReadMatrixOp, Value) {
  llvm_unreachable("the machine says that it has no tile.read_matrix");
}
void LaneLowering::makeCopy(tile::CopyOp, Value, Value) {
  llvm_unreachable("the machine says that it has no tile.copy");
}
void LaneLowering::makeCopyCommit() {
  llvm_unreachable("the machine says that it has no tile.copy");
}
void LaneLowering::makeCopyWait(int64_t) {
  llvm_unreachable("the machine says that it has no tile.copy");
}

//===----------------------------------------------------------------------===//
// One operation each
//===----------------------------------------------------------------------===//

LLVM::GlobalOp LaneLowering::getNearMemory() {
  if (auto known = module.lookupSymbol<LLVM::GlobalOp>(kNearName)) {
    return known;
  }
  OpBuilder atModule = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  return LLVM::GlobalOp::create(atModule, module.getLoc(), type,
                                /*isConstant=*/false, LLVM::Linkage::External,
                                kNearName, Attribute(), /*alignment=*/1024,
                                kNearSpace);
}

/// A descriptor of constants around an address in the near memory.
void LaneLowering::lowerNear(tile::NearOp op) {
  auto type = cast<MemRefType>(op.getBuffer().getType());
  Value base = LLVM::AddressOfOp::create(b, loc, getNearMemory());
  Value at = LLVM::GEPOp::create(
      b, loc, base.getType(), b.getI8Type(), base,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(op.getOffset())});
  MemRefDescriptor descriptor =
      MemRefDescriptor::fromStaticShape(b, loc, types, type, at);
  Value fields = descriptor;
  op.replaceAllUsesWith(
      UnrealizedConversionCastOp::create(b, loc, type, fields).getResult(0));
}

LogicalResult LaneLowering::verifyBuffer(Operation *op, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (type.getRank() != 1 ||
      failed(type.getStridesAndOffset(strides, offset)) || strides[0] != 1) {
    return op->emitOpError("expected a buffer of one dimension and stride 1, "
                           "got ")
           << type;
  }
  return success();
}

LogicalResult LaneLowering::lowerShuffle(gpu::ShuffleOp op) {
  Type type = op.getValue().getType();
  auto width = op.getWidth().getDefiningOp<arith::ConstantOp>();
  auto count = width ? dyn_cast<IntegerAttr>(width.getValue()) : IntegerAttr();
  if (!count || count.getInt() != machine.getLanes()) {
    return op.emitOpError("expected a width of ")
           << machine.getLanes() << ", all lanes of the subgroup";
  }
  if (!type.isF32() && !type.isInteger(32)) {
    return op.emitOpError("expected an i32 or an f32, got ") << type;
  }
  Value bits = bitcast(op.getValue(), b.getI32Type());
  if (op.getMode() == gpu::ShuffleMode::XOR) {
    bits = makeShuffleXor(bits, op.getOffset());
  } else if (op.getMode() == gpu::ShuffleMode::IDX) {
    bits = makeShuffleIndex(bits, op.getOffset());
  } else {
    return op.emitOpError("expected mode xor or idx, got ")
           << gpu::stringifyShuffleMode(op.getMode());
  }
  op.getShuffleResult().replaceAllUsesWith(bitcast(bits, type));
  op.getValid().replaceAllUsesWith(constant(1, 1));
  return success();
}

LogicalResult LaneLowering::lowerMatrix(tile::MatrixOp op) {
  ArrayRef<int64_t> shape = op.getShape();
  Type element = cast<VectorType>(op.getA().getType()).getElementType();
  std::string name;
  llvm::raw_string_ostream(name) << element;
  for (const MatrixAtom &atom : atoms) {
    if (shape != ArrayRef<int64_t>{atom.m, atom.n, atom.k} ||
        name != atom.type) {
      continue;
    }
    Value a = op.getA(), c = op.getC();
    Value result =
        atom.operands == AtomOperands::Multiply
            ? math::FmaOp::create(b, loc, a, op.getB(), c).getResult()
            : makeAtom(atom, a, op.getB(), c);
    op.replaceAllUsesWith(result);
    return success();
  }
  return op.emitOpError("expected a shape and type of this machine's table, "
                        "got [")
         << shape << "] of " << element;
}

LogicalResult LaneLowering::lowerCopy(tile::CopyOp op) {
  if (failed(verifyBuffer(op, op.getSource())) ||
      failed(verifyBuffer(op, op.getTarget()))) {
    return failure();
  }
  auto getSpace = [](Value buffer) {
    return cast<MemRefType>(buffer.getType()).getMemorySpaceAsInt();
  };
  if (getSpace(op.getSource()) != kGlobalSpace ||
      getSpace(op.getTarget()) != kNearSpace) {
    return op.emitOpError("expected a copy from memory space 1 to 3, got ")
           << getSpace(op.getSource()) << " to " << getSpace(op.getTarget());
  }
  makeCopy(op, getAddress(op.getSource(), op.getFrom()),
           getAddress(op.getTarget(), op.getTo()));
  return success();
}

/// e^x as 2^t with t = x log2(e), rounded, and what the rounding lost as a
/// factor 1 + rest ln 2. The clamp leaves results of 0 and infinity and keeps
/// `rest` from being infinity minus infinity; a NaN stays.
Value LaneLowering::makeExp(Value x) {
  Type f32 = b.getF32Type();
  auto number = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, loc, b.getFloatAttr(f32, static_cast<float>(value)));
  };
  auto clamp = [&](arith::CmpFPredicate predicate, double bound) {
    Value limit = number(bound);
    Value beyond = arith::CmpFOp::create(b, loc, predicate, x, limit);
    x = arith::SelectOp::create(b, loc, beyond, limit, x);
  };
  constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;
  constexpr float high = static_cast<float>(log2e);
  clamp(arith::CmpFPredicate::OLT, -104.0);
  clamp(arith::CmpFPredicate::OGT, 89.0);
  Value t = arith::MulFOp::create(b, loc, x, number(high));
  Value rest = math::FmaOp::create(b, loc, x, number(high),
                                   arith::NegFOp::create(b, loc, t));
  rest = math::FmaOp::create(b, loc, x, number(log2e - double(high)), rest);
  Value power = makeExp2(t);
  Value part = arith::MulFOp::create(b, loc, power, number(ln2));
  Value exact = math::FmaOp::create(b, loc, part, rest, power);
  Value infinity = arith::ConstantOp::create(
      b, loc, b.getFloatAttr(f32, std::numeric_limits<float>::infinity()));
  Value isEnd = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, power,
                                      infinity);
  return arith::SelectOp::create(b, loc, isEnd, power, exact);
}

/// Exponentials are instructions on one element.
void LaneLowering::lowerExponential(Operation *op) {
  auto make = [&](Value x) {
    return isa<math::Exp2Op>(op) ? makeExp2(x) : makeExp(x);
  };
  Value x = op->getOperand(0);
  auto type = dyn_cast<VectorType>(x.getType());
  Value result;
  if (!type) {
    result = make(x);
  } else {
    SmallVector<Value> elements;
    for (Value element :
         vector::ToElementsOp::create(b, loc, x).getResults()) {
      elements.push_back(make(element));
    }
    result = vector::FromElementsOp::create(b, loc, type, elements);
  }
  op->getResult(0).replaceAllUsesWith(result);
}

/// Which lane stores does not matter: one of the messages will do.
LogicalResult LaneLowering::lowerRequire(tile::RequireOp op) {
  auto messages = op->getParentOfType<func::FuncOp>()->getAttrOfType<ArrayAttr>(
      kMessagesAttrName);
  if (!op.getNumber() || !messages || *op.getNumber() >= messages.size()) {
    return op.emitOpError("expected the number of a message of the kernel's ")
           << kMessagesAttrName;
  }
  Value one = constant(1, 1);
  Value isBroken = arith::XOrIOp::create(b, loc, op.getCondition(), one);
  auto then = scf::IfOp::create(b, loc, isBroken, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(then.thenYield());
  LLVM::StoreOp::create(b, loc, constant(*op.getNumber() + 1), status);
  return success();
}

LogicalResult LaneLowering::lower(Operation *op) {
  auto needs = [&](bool has) {
    return has ? success()
               : LogicalResult(op->emitOpError(
                     "expected a machine that has this operation"));
  };
  bool copies = machine.getCopy() > 0;
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](gpu::ThreadIdOp id) -> LogicalResult {
        if (id.getDimension() != gpu::Dimension::x) {
          return id.emitOpError("expected dimension x: lanes of a task are "
                                "numbered along one");
        }
        id.replaceAllUsesWith(castIndex(makeThreadId(), b.getIndexType()));
        return success();
      })
      .Case([&](gpu::BarrierOp) {
        makeBarrier();
        return success();
      })
      .Case([&](gpu::ShuffleOp shuffle) { return lowerShuffle(shuffle); })
      .Case([&](tile::NearOp near) {
        lowerNear(near);
        return success();
      })
      .Case([&](tile::MatrixOp matrix) { return lowerMatrix(matrix); })
      .Case([&](tile::RequireOp require) { return lowerRequire(require); })
      .Case([&](tile::ReadMatrixOp read) -> LogicalResult {
        if (failed(needs(machine.getMatrixLoad())) ||
            failed(verifyBuffer(read, read.getSource()))) {
          return failure();
        }
        Value from = getAddress(read.getSource(), read.getIndex());
        read.replaceAllUsesWith(makeReadMatrix(read, from));
        return success();
      })
      .Case([&](tile::CopyOp copy) -> LogicalResult {
        return failed(needs(copies)) ? failure() : lowerCopy(copy);
      })
      .Case([&](tile::CopyCommitOp) {
        if (copies) {
          makeCopyCommit();
        }
        return needs(copies);
      })
      .Case([&](tile::CopyWaitOp wait) {
        if (copies) {
          makeCopyWait(wait.getPending());
        }
        return needs(copies);
      })
      .Case<math::ExpOp, math::Exp2Op>([&](Operation *exponential) {
        lowerExponential(exponential);
        return success();
      })
      .Default([](Operation *other) -> LogicalResult {
        return other->emitOpError("expected an operation that this machine "
                                  "has");
      });
}

static bool isLaneOperation(Operation *op) {
  return isa<math::ExpOp, math::Exp2Op>(op) ||
         isa<gpu::GPUDialect, tile::TileDialect>(op->getDialect());
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

LogicalResult LaneLowering::lowerKernel(func::FuncOp kernel) {
  auto schedule =
      kernel->getAttrOfType<tile::ScheduleAttr>(tile::kScheduleAttrName);
  if (!schedule) {
    return kernel.emitOpError("expected attribute ") << tile::kScheduleAttrName;
  }
  ArrayRef<Type> arguments = kernel.getArgumentTypes();
  if (arguments.empty() || !arguments.back().isIndex() ||
      kernel.getNumResults() != 0) {
    return kernel.emitOpError("expected no results, and the task's number as "
                              "the last argument");
  }
  // The number of the block stands for the task's number.
  loc = kernel.getLoc();
  b.setInsertionPointToStart(&kernel.getBody().front());
  BlockArgument task = kernel.getArguments().back();
  task.replaceAllUsesWith(castIndex(makeBlockId(), b.getIndexType()));
  if (failed(kernel.eraseArgument(task.getArgNumber()))) {
    return failure();
  }

  auto messages = kernel->getAttrOfType<ArrayAttr>(kMessagesAttrName);
  if (messages && !messages.empty()) {
    unsigned last = kernel.getNumArguments();
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    if (failed(kernel.insertArgument(last, pointer, {}, loc))) {
      return failure();
    }
    auto global = LLVM::LLVMPointerType::get(b.getContext(), kGlobalSpace);
    status = LLVM::AddrSpaceCastOp::create(b, loc, global,
                                           kernel.getArgument(last));
  }

  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (isLaneOperation(op)) {
      ops.push_back(op);
    }
  });
  for (Operation *op : ops) {
    loc = op->getLoc();
    b.setInsertionPoint(op);
    if (failed(lower(op))) {
      return failure();
    }
    op->erase();
  }

  int64_t threads = machine.getLanes() * schedule.getSubgroups();
  kernel->setAttr(kKernelThreadsAttrName,
                  b.getI32IntegerAttr(static_cast<int32_t>(threads)));
  SmallVector<Attribute> attributes;
  for (const auto &[name, value] : getAttributes(threads)) {
    attributes.push_back(b.getStrArrayAttr({name, value}));
  }
  kernel->setAttr("passthrough", b.getArrayAttr(attributes));
  kernel->setAttr(kConventionAttrName,
                  LLVM::CConvAttr::get(b.getContext(), getConvention()));
  return success();
}

/// Functions that no machine has become arithmetic on f32. Exponentials stay,
/// and what is an instruction or a few of them on any machine.
static LogicalResult expandFunctions(gpu::GPUModuleOp module) {
  auto isOther = [](StringRef name) {
    return name != math::ExpOp::getOperationName() &&
           name != math::Exp2Op::getOperationName();
  };
  RewritePatternSet patterns(module.getContext());
  populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
  populateMathPolynomialApproximationPatterns(patterns, isOther);
  math::populateExpansionPatterns(patterns,
                                  {"acosh", "asinh", "atanh", "cosh", "fpowi",
                                   "powf", "sinh", "tan"});
  if (failed(applyPatternsGreedily(module, std::move(patterns)))) {
    return failure();
  }
  // LLVM would end the process on one that it cannot translate.
  WalkResult result = module.walk([](Operation *op) {
    bool isKnown =
        isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
            math::CountLeadingZerosOp, math::CountTrailingZerosOp,
            math::CtPopOp, math::Exp2Op, math::ExpOp, math::FloorOp,
            math::FmaOp, math::IsFiniteOp, math::IsInfOp, math::IsNaNOp,
            math::RoundEvenOp, math::RoundOp, math::RsqrtOp, math::SqrtOp,
            math::TruncOp>(op);
    if (!isa<math::MathDialect>(op->getDialect()) || isKnown) {
      return WalkResult::advance();
    }
    op->emitOpError("expected a function that kernels can compute");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult LaneLowering::run() {
  if (!machine) {
    return module.emitOpError("expected ")
           << tile::kMachineAttrName << " on the module around";
  }
  if (failed(expandFunctions(module))) {
    return failure();
  }
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(kKernelAttrName)) {
      return kernel.emitOpError("expected a kernel, with attribute ")
             << kKernelAttrName;
    }
    if (failed(lowerKernel(kernel))) {
      return failure();
    }
  }
  return success();
}
