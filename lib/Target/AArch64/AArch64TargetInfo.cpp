//===- AArch64TargetInfo.cpp - the processors of this family --------------===//

#include "fovea/Target/AArch64/AArch64TargetInfo.h"

#include "fovea/Target/AArch64/Passes.h"
#include "fovea/Target/Common/CpuTarget.h"
#include "fovea/Target/Common/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace fovea;

llvm::ArrayRef<AArch64Chip> fovea::getAArch64Chips() {
  static constexpr AArch64Chip chips[] = {
#define AARCH64_CHIP(name, cpu, features, pairs, nearBytes, farBytes)          \
  {name, cpu, features, pairs, nearBytes, farBytes},
#include "KnownChips.inc"
#undef AARCH64_CHIP
  };
  return chips;
}

static const AArch64Chip *findChip(llvm::StringRef name) {
  auto *row = llvm::find_if(getAArch64Chips(), [&](const AArch64Chip &chip) {
    return chip.name == name;
  });
  return row == getAArch64Chips().end() ? nullptr : row;
}

/// What the host has decides, and its name only the cache sizes.
static llvm::Expected<AArch64Chip> describeHost() {
  if (!isHostArchitecture("aarch64")) {
    return llvm::createStringError("expected the name of a chip where the host "
                                   "is none of this family");
  }
  llvm::StringRef cpu = llvm::sys::getHostCPUName();
  const AArch64Chip *known = findChip(cpu);
  AArch64Chip chip = known ? *known : *findChip("armv8-a");
  chip.name = chip.cpu = cpu;
  chip.hasPairs = getHostFeatures().lookup("bf16");
  return chip;
}

llvm::Expected<AArch64Chip> fovea::lookUpAArch64Chip(llvm::StringRef name) {
  if (name.empty() || name == "host") {
    return describeHost();
  }
  if (const AArch64Chip *row = findChip(name)) {
    return *row;
  }
  auto names =
      llvm::map_range(getAArch64Chips(),
                      [](const AArch64Chip &chip) { return chip.name; });
  return llvm::createStringError("expected a chip among host, " +
                                 llvm::join(names, ", ") + "; got '" + name +
                                 "'");
}

namespace {

class AArch64Target : public CpuTarget {
public:
  AArch64Target(llvm::StringRef name, const AArch64Chip &chip, bool isHost)
      : CpuTarget(name, describe(chip, isHost), isHost), chip(chip) {}

  VectorUnit getVectorUnit() const override {
    return {kAArch64Lanes, kAArch64Registers, chip.hasPairs};
  }
  int64_t getFarBytes() const override { return chip.farBytes; }
  void addSchedule(mlir::OpPassManager &pm) const override;
  void addLowering(mlir::OpPassManager &pm) const override;

private:
  static MachineDescription describe(const AArch64Chip &chip, bool isHost) {
    if (isHost) {
      return describeHostMachine(chip.cpu);
    }
    return {"aarch64-unknown-linux-gnu", chip.cpu.str(), chip.features.str()};
  }

  AArch64Chip chip;
};

} // namespace

void AArch64Target::addSchedule(mlir::OpPassManager &pm) const {
  AArch64SchedulePassOptions options;
  options.chip = isHost ? "host" : chip.name.str();
  pm.addPass(createAArch64SchedulePass(options));
}

void AArch64Target::addLowering(mlir::OpPassManager &pm) const {
  pm.addPass(createAArch64ExpandMathPass());
  pm.addPass(createAArch64LowerDotsPass());
  CpuLoweringOptions options;
  options.nativeBF16 = chip.hasPairs;
  buildCpuToLLVM(pm, options);
}

namespace fovea {

// The functions that lib/Target/Targets.cpp looks for.
llvm::Expected<std::unique_ptr<Target>>
createAArch64Target(llvm::StringRef name, llvm::StringRef chip);
void listAArch64Targets(std::vector<std::string> &names);
void registerAArch64Passes();

llvm::Expected<std::unique_ptr<Target>>
createAArch64Target(llvm::StringRef name, llvm::StringRef chip) {
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
  llvm::Expected<AArch64Chip> row = lookUpAArch64Chip(chip);
  if (!row) {
    return row.takeError();
  }
  return std::make_unique<AArch64Target>(name, *row, chip.empty());
}

void listAArch64Targets(std::vector<std::string> &names) {
  if (isHostArchitecture("aarch64")) {
    names.push_back("cpu");
  }
  for (const AArch64Chip &chip : getAArch64Chips()) {
    names.push_back(("cpu:" + chip.name).str());
  }
}

void registerAArch64Passes() { registerTargetAArch64Passes(); }

} // namespace fovea
