//===- LaneLowering.h - what one lane does, as intrinsics -------*- C++ -*-===//
//
// The walk over kernels that all devices share: gpu, tile and math operations
// of a lane become calls of LLVM intrinsics. A family derives a class that says
// which.
//
// Calling convention of a kernel, for the host side: the arguments of the
// function in order, without the last one, the task's number, which is the
// number of the block. An index is an i64; a memref is the fields of its
// descriptor, one argument each:
//
//   allocated pointer, aligned pointer, offset, sizes..., strides...
//
// If the kernel has messages (`tile.messages`), the last argument is a pointer
// to the status word, an i32. A kernel stores 1 + the index of a message there.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TARGET_COMMON_LANELOWERING_H
#define FOVEA_TARGET_COMMON_LANELOWERING_H

#include "fovea/Target/Common/Device.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace fovea {

class LaneLowering {
public:
  LaneLowering(mlir::gpu::GPUModuleOp module, tile::MachineAttr machine,
               llvm::ArrayRef<MatrixAtom> atoms);
  virtual ~LaneLowering();

  /// Lowers every kernel of the module.
  mlir::LogicalResult run();

protected:
  /// The number of this lane in its block, and of the block: i32.
  virtual mlir::Value makeThreadId() = 0;
  virtual mlir::Value makeBlockId() = 0;
  virtual void makeBarrier() = 0;
  /// The i32 `value` of lane `lane ^ offset`, or of lane `offset`. `offset` is
  /// an i32.
  virtual mlir::Value makeShuffleXor(mlir::Value value, mlir::Value offset) = 0;
  virtual mlir::Value makeShuffleIndex(mlir::Value value,
                                       mlir::Value offset) = 0;
  /// 2^x of an f32; results below the least normal number may be 0.
  virtual mlir::Value makeExp2(mlir::Value x) = 0;
  /// The call of an atom's instruction.
  virtual mlir::Value makeAtom(const MatrixAtom &atom, mlir::Value a,
                               mlir::Value b, mlir::Value c) = 0;
  /// Called if the machine has them.
  virtual mlir::Value makeReadMatrix(tile::ReadMatrixOp op, mlir::Value from);
  virtual void makeCopy(tile::CopyOp op, mlir::Value from, mlir::Value to);
  virtual void makeCopyCommit();
  virtual void makeCopyWait(int64_t pending);
  /// Attributes of LLVM for a kernel of so many threads: name, value.
  virtual llvm::SmallVector<std::pair<std::string, std::string>>
  getAttributes(int64_t threads) const = 0;
  virtual mlir::LLVM::CConv getConvention() const = 0;

  mlir::Value call(llvm::StringRef intrinsic, mlir::Type result,
                   mlir::ValueRange arguments);
  /// Of a subgroup.
  int64_t getLanes() const { return machine.getLanes(); }

  void call(llvm::StringRef intrinsic, mlir::ValueRange arguments);
  mlir::Value constant(int64_t value, unsigned width = 32);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);
  mlir::Value castIndex(mlir::Value value, mlir::Type type);
  /// The elements of a vector, or of a structure, in parts of `type`.
  llvm::SmallVector<mlir::Value> split(mlir::Value vector, mlir::Type part);
  mlir::Value join(mlir::Value structure, mlir::VectorType type);
  /// The address of element `index` of a buffer of one dimension.
  mlir::Value getAddress(mlir::Value buffer, mlir::Value index);

  mlir::OpBuilder b;
  mlir::Location loc;

private:
  mlir::LogicalResult lowerKernel(mlir::func::FuncOp kernel);
  mlir::LogicalResult lower(mlir::Operation *op);
  mlir::LogicalResult lowerShuffle(mlir::gpu::ShuffleOp op);
  mlir::LogicalResult lowerMatrix(tile::MatrixOp op);
  mlir::LogicalResult lowerCopy(tile::CopyOp op);
  mlir::LogicalResult lowerRequire(tile::RequireOp op);
  mlir::LogicalResult verifyBuffer(mlir::Operation *op, mlir::Value buffer);
  void lowerNear(tile::NearOp op);
  void lowerExponential(mlir::Operation *op);
  mlir::Value makeExp(mlir::Value x);
  mlir::LLVM::GlobalOp getNearMemory();

  mlir::gpu::GPUModuleOp module;
  tile::MachineAttr machine;
  llvm::ArrayRef<MatrixAtom> atoms;
  mlir::LLVMTypeConverter types;
  mlir::Value status; // where the kernel says which message applies
};

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_LANELOWERING_H
