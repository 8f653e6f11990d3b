//===- CpuTarget.cpp - a target that is a processor -----------------------===//

#include "fovea/Target/Common/CpuTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

using namespace fovea;

const llvm::StringMap<bool> &fovea::getHostFeatures() {
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return features;
}

MachineDescription fovea::describeHostMachine(llvm::StringRef cpu) {
  llvm::SubtargetFeatures features;
  for (const auto &feature : getHostFeatures()) {
    features.AddFeature(feature.first(), feature.second);
  }
  return {llvm::sys::getProcessTriple(), cpu.str(), features.getString()};
}

bool fovea::isHostArchitecture(llvm::StringRef name) {
  return llvm::Triple(llvm::sys::getProcessTriple()).getArch() ==
         llvm::Triple(name).getArch();
}

llvm::Error CpuTarget::checkRunsHere() const {
  if (isHost) {
    return llvm::Error::success();
  }
  llvm::Triple triple(machine.triple);
  if (!isHostArchitecture(triple.getArchName())) {
    return llvm::createStringError("expected a machine that runs code for " +
                                   getName() + ", of the architecture " +
                                   triple.getArchName() + "; this one is " +
                                   llvm::Triple(llvm::sys::getProcessTriple())
                                       .getArchName());
  }
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    return llvm::createStringError(error);
  }
  std::unique_ptr<llvm::MCSubtargetInfo> wanted(backend->createMCSubtargetInfo(
      triple, machine.cpu, machine.features));
  const llvm::StringMap<bool> &has = getHostFeatures();
  llvm::SmallVector<llvm::StringRef> missing;
  for (const llvm::SubtargetFeatureKV &feature :
       wanted->getEnabledProcessorFeatures()) {
    // Tuning flags are not in the list of what a host has or lacks.
    auto known = has.find(feature.Key);
    if (known != has.end() && !known->second) {
      missing.push_back(feature.Key);
    }
  }
  if (missing.empty()) {
    return llvm::Error::success();
  }
  return llvm::createStringError("expected a machine that runs code for " +
                                 getName() + "; this one lacks " +
                                 llvm::join(missing, ", "));
}

std::optional<MachineRates> CpuTarget::getRates() const {
  // What servers of the last years have under load.
  VectorUnit unit = getVectorUnit();
  return MachineRates{/*hertz=*/3.5e9, /*readBytes=*/20e9, unit.lanes,
                      unit.registers,  unit.hasPairs,      getFarBytes()};
}
