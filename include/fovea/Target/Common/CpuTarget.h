//===- CpuTarget.h - a target that is a processor ---------------*- C++ -*-===//

#ifndef FOVEA_TARGET_COMMON_CPUTARGET_H
#define FOVEA_TARGET_COMMON_CPUTARGET_H

#include "fovea/Target/Target.h"

#include "llvm/ADT/StringMap.h"

namespace fovea {

/// What this machine's processor has or lacks, by LLVM's names; asked once.
const llvm::StringMap<bool> &getHostFeatures();

/// The processor of this process with all it has, called `cpu`.
MachineDescription describeHostMachine(llvm::StringRef cpu);

/// True if this process runs on the architecture that LLVM calls so, such as
/// "x86_64" or "aarch64".
bool isHostArchitecture(llvm::StringRef name);

/// What families of processors share.
class CpuTarget : public Target {
public:
  MachineDescription getMachine() const override { return machine; }
  llvm::Error checkRunsHere() const override;
  /// The processor, its vectors and whether it multiplies pairs: "znver5 16x32
  /// pairs".
  std::string getTuningName() const override;
  std::vector<tile::ScheduleAttr>
  getSchedules(tile::ScheduleAttr chosen) const override;
  llvm::Error checkSchedule(tile::ScheduleAttr chosen,
                            tile::ScheduleAttr wanted) const override;
  std::optional<MachineRates> getRates() const override;

protected:
  /// Of the second-level cache of one core.
  virtual int64_t getFarBytes() const { return 1024 * 1024; }

  /// `machine` is the one of this process if `isHost`.
  CpuTarget(llvm::StringRef name, MachineDescription machine, bool isHost)
      : Target(name), machine(std::move(machine)), isHost(isHost) {}

  const MachineDescription machine;
  const bool isHost;
};

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_CPUTARGET_H
