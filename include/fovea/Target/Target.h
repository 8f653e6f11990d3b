//===- Target.h - what a kernel is compiled for -----------------*- C++ -*-===//
//
// Everything the shared compiler asks of a target. Targets are found by name:
// "cpu" is the machine this process runs on, "cpu:x86-64-v3" any machine of
// that level; a device is found by its chip, "sm_80", or "nvidia:sm_80".
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TARGET_TARGET_H
#define FOVEA_TARGET_TARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace fovea {

namespace tile {
class ScheduleAttr;
} // namespace tile

/// How LLVM names the processor to generate code for.
struct MachineDescription {
  std::string triple;
  std::string cpu;
  std::string features; // "+a,-b", may be empty
};

/// The vector registers of one core.
struct VectorUnit {
  int64_t lanes;     // f32 elements of a register
  int64_t registers; // how many there are
  bool hasPairs;     // products of pairs of bf16: `tile.dot_pairs`
  bool hasBlocks = false; // a unit that multiplies blocks: `tile.dot_block`
};

/// Numbers for estimates (fovea/Tuning/CostModel.h): of one core, and nominal,
/// since clocks and neighbours change from minute to minute.
struct MachineRates {
  double hertz;      // cycles per second
  double readBytes;  // bytes per second that one core reads from memory
  int64_t lanes;     // f32 elements of a register
  int64_t registers; // vector registers
  bool hasPairs;     // products of pairs of bf16
  int64_t farBytes;  // second-level cache
};

class Device;

class Target {
public:
  virtual ~Target();

  /// As given to lookUpTarget.
  llvm::StringRef getName() const { return name; }
  /// The processor that calls kernels, and runs their tasks as well unless
  /// there is a device.
  virtual MachineDescription getMachine() const = 0;
  virtual VectorUnit getVectorUnit() const = 0;
  /// What runs the tasks if that is not the calling processor, else null: see
  /// fovea/Target/Common/Device.h. Tasks then are kernels in a `gpu.module`.
  virtual const Device *getDevice() const { return nullptr; }
  /// Error that names what is missing if this process's machine cannot run
  /// code for the target.
  virtual llvm::Error checkRunsHere() const = 0;

  /// Adds the pass that sets `tile.schedule`, from the fold level.
  virtual void addSchedule(mlir::OpPassManager &pm) const = 0;
  /// How the database of tuned schedules calls the processor: its name and what
  /// else decides between schedules. Empty if schedules are not tuned.
  virtual std::string getTuningName() const { return ""; }
  /// The schedules to try in place of `chosen`, which the schedule pass wrote
  /// for some class of calls; `chosen` is among them.
  virtual std::vector<tile::ScheduleAttr>
  getSchedules(tile::ScheduleAttr chosen) const;
  /// Error that names the rule if `wanted` cannot take the place of `chosen`.
  virtual llvm::Error checkSchedule(tile::ScheduleAttr chosen,
                                    tile::ScheduleAttr wanted) const;

  /// Numbers for estimates, if there are some.
  virtual std::optional<MachineRates> getRates() const { return std::nullopt; }

  /// Adds the passes from the vector level to the llvm dialect. With a device,
  /// its kernels stay in their `gpu.module`, in the llvm dialect too.
  virtual void addLowering(mlir::OpPassManager &pm) const = 0;

protected:
  explicit Target(llvm::StringRef name) : name(name) {}

private:
  std::string name;
};

/// The target of that name, or an error that lists the known ones.
llvm::Expected<std::unique_ptr<Target>> lookUpTarget(llvm::StringRef name);

/// Names that lookUpTarget takes, in the order to show them.
std::vector<std::string> getKnownTargets();

/// Registers the passes of all targets with the pass registry.
void registerTargetPasses();

/// Registers the dialects that the targets' passes create, and the translation
/// of those that remain to LLVM IR.
void registerTargetDialects(mlir::DialectRegistry &registry);

} // namespace fovea

#endif // FOVEA_TARGET_TARGET_H
