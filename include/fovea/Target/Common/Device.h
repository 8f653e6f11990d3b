//===- Device.h - machines that run tasks as kernels ------------*- C++ -*-===//
//
// A device runs a task on a block of lanes. What the shared compiler needs of
// it is `tile.machine`, an attribute; what the driver needs is its code:
//
//   auto module = device.makeModule(gpuModule, context);  // LLVM IR, optimised
//   auto code = device.makeCode(**module);                // what drivers load
//
// The module is also what the emulator runs.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TARGET_COMMON_DEVICE_H
#define FOVEA_TARGET_COMMON_DEVICE_H

#include "fovea/Target/Target.h"
#include "fovea/dialects/Tile/Tile.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <optional>

namespace fovea {

/// How the operands of an atom reach its instruction.
enum class AtomOperands {
  Whole,    // a and b as the vectors they are
  Scalars,  // as their only elements
  Integers, // as vectors of i16
  Words,    // split into i32
  Pairs,    // split into vectors of two elements
  Multiply  // no instruction: one multiply-add per element of c
};

/// A row of a family's table of matrix operations; see `#tile.atom`.
struct MatrixAtom {
  int64_t m, n, k;
  const char *type; // MLIR's name of the element type
  int64_t rate;     // multiply-adds per cycle of one multiprocessor
  const char *a, *b, *c;
  const char *intrinsic; // of LLVM
  AtomOperands operands;
};

/// The rows as attributes.
llvm::SmallVector<tile::AtomAttr> makeAtoms(mlir::MLIRContext *context,
                                            llvm::ArrayRef<MatrixAtom> table);

/// A row of a family's KnownChips.inc.
struct DeviceChip {
  llvm::StringRef name;      // as LLVM calls it
  int64_t lanes;             // of a subgroup
  int64_t multiprocessors;   // of the largest part sold with this chip
  int64_t nearPerBlock;      // bytes
  int64_t nearPerProcessor;  // bytes, of all blocks on a multiprocessor
  int64_t registers;         // of 32 bits, of a multiprocessor
  int64_t threads;           // most on a multiprocessor
  int64_t banks;             // of near memory, 4 bytes wide
  int64_t copy;              // most bytes of an asynchronous copy, or 0
  bool matrixLoad;           // has `tile.read_matrix`
  llvm::StringRef atoms;     // name of its table of atoms
  // How a multiprocessor hands these out to blocks; see Occupancy.h.
  int64_t blocks;            // most on a multiprocessor
  int64_t parts;             // with registers and subgroups of their own
  int64_t registerUnit;      // registers of a lane come in multiples of this
  int64_t nearUnit;          // bytes of near memory likewise
  int64_t nearReserved;      // bytes that each block takes in addition
};

/// The row called `name`, or an error that lists the rows.
llvm::Expected<DeviceChip> lookUpChip(llvm::ArrayRef<DeviceChip> chips,
                                      llvm::StringRef name);

/// What is known of a compiled kernel.
struct KernelInfo {
  std::string name;
  int32_t threads = 0;         // of a block
  int64_t nearBytes = 0;       // to ask for at launch
  int64_t staticNearBytes = 0; // in addition, part of the code
  /// Of one thread; unknown where no assembler was found.
  std::optional<int64_t> registers, spillBytes, stackBytes;
};

/// Code for one chip.
struct DeviceCode {
  std::string text;         // PTX; empty where no driver takes text
  std::vector<char> binary; // cubin or hsaco; empty if none could be made
  std::vector<KernelInfo> kernels;
  std::string remark; // why there is no binary, else empty
  /// What the code was generated from, where that is not the module that
  /// makeCode was given.
  std::unique_ptr<llvm::Module> module;
};

/// Attributes of a kernel that lowering leaves for later stages.
inline constexpr llvm::StringLiteral kKernelAttrName = "tile.kernel";
inline constexpr llvm::StringLiteral kKernelThreadsAttrName = "tile.threads";
inline constexpr llvm::StringLiteral kMessagesAttrName = "tile.messages";
/// Calling convention (`#llvm.cconv`) that a kernel gets with the llvm dialect.
inline constexpr llvm::StringLiteral kConventionAttrName = "fovea.convention";

class Device {
public:
  virtual ~Device();

  /// "nvidia" or "amd".
  virtual llvm::StringRef getFamily() const = 0;
  /// What drivers call its binary and its text, where they take that: see
  /// fovea_device_rates.
  virtual llvm::StringRef getBinaryKind() const = 0;
  virtual llvm::StringRef getTextKind() const { return ""; }
  /// As LLVM calls it: "sm_80".
  virtual llvm::StringRef getChip() const = 0;
  /// All that is known of the chip.
  virtual const DeviceChip &getChipRow() const = 0;
  /// How LLVM names it.
  virtual MachineDescription getMachine() const = 0;
  /// `tile.machine`.
  virtual tile::MachineAttr getMachineAttr(mlir::MLIRContext *context) const = 0;

  /// Translates a `gpu.module` in the llvm dialect to LLVM IR and optimises
  /// it: every vector of more than 32 bits is split before that.
  llvm::Expected<std::unique_ptr<llvm::Module>>
  makeModule(mlir::Operation *gpuModule, llvm::LLVMContext &context) const;

  /// Code for what makeModule returned.
  virtual llvm::Expected<DeviceCode>
  makeCode(const llvm::Module &module) const = 0;

  /// PTX or assembly of the code that makeCode made of `module`. Where drivers
  /// take binaries alone this generates it once more, as text.
  llvm::Expected<std::string> makeText(const llvm::Module &module,
                                       const DeviceCode &code) const;

protected:
  /// Adds what the family's code generator wants to find in a module.
  virtual void prepare(llvm::Module &module) const {}
  /// Bits of the widest vector of floats that one instruction computes.
  virtual unsigned getVectorBits() const { return 32; }
};

/// Functions of `module` that a host can launch, with what the module says of
/// them. Their order is that of the module.
std::vector<KernelInfo> listKernels(const llvm::Module &module);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_DEVICE_H
