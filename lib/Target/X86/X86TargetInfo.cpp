//===- X86TargetInfo.cpp - the processors of this family ------------------===//

#include "fovea/Target/X86/X86TargetInfo.h"

#include "fovea/Target/Common/CpuTarget.h"
#include "fovea/Target/Common/Passes.h"
#include "fovea/Target/X86/Passes.h"

#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace fovea;

llvm::ArrayRef<X86Chip> fovea::getX86Chips() {
  static constexpr X86Chip chips[] = {
#define X86_CHIP(name, lanes, registers, pairs, tiles, nearBytes, farBytes)    \
  {name, lanes, registers, pairs, tiles, nearBytes, farBytes},
#include "KnownChips.inc"
#undef X86_CHIP
  };
  return chips;
}

static const X86Chip *findChip(llvm::StringRef name) {
  auto *row = llvm::find_if(
      getX86Chips(), [&](const X86Chip &chip) { return chip.name == name; });
  return row == getX86Chips().end() ? nullptr : row;
}

/// The host may lack what its name promises (a virtual machine can hide
/// features), so what it has decides, and its name only the cache sizes.
static llvm::Expected<X86Chip> describeHost() {
  const llvm::StringMap<bool> &has = getHostFeatures();
  auto hasAll = [&](llvm::ArrayRef<const char *> features) {
    return llvm::all_of(features,
                        [&](const char *name) { return has.lookup(name); });
  };
  bool isWide =
      hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  if (!isWide && !hasAll({"avx2", "fma", "f16c"})) {
    return llvm::createStringError("expected a processor of at least the "
                                   "level x86-64-v3, got " +
                                   llvm::sys::getHostCPUName());
  }
  X86Chip chip = *findChip(isWide ? "x86-64-v4" : "x86-64-v3");
  chip.hasPairs = isWide && has.lookup("avx512bf16");
  chip.hasTiles =
      chip.hasPairs && has.lookup("amx-tile") && has.lookup("amx-bf16");
  chip.name = llvm::sys::getHostCPUName();
  if (const X86Chip *row = findChip(chip.name)) {
    chip.nearBytes = row->nearBytes;
    chip.farBytes = row->farBytes;
  }
  return chip;
}

llvm::Expected<X86Chip> fovea::lookUpX86Chip(llvm::StringRef name) {
  if (name.empty() || name == "host") {
    return describeHost();
  }
  if (const X86Chip *row = findChip(name)) {
    return *row;
  }
  auto names = llvm::map_range(getX86Chips(),
                               [](const X86Chip &chip) { return chip.name; });
  return llvm::createStringError("expected a chip among host, " +
                                 llvm::join(names, ", ") + "; got '" + name +
                                 "'");
}

namespace {

class X86Target : public CpuTarget {
public:
  X86Target(llvm::StringRef name, const X86Chip &chip, bool isHost)
      : CpuTarget(name, describe(chip, isHost), isHost), chip(chip) {}

  VectorUnit getVectorUnit() const override {
    return {chip.lanes, chip.registers, chip.hasPairs, chip.hasTiles};
  }
  int64_t getFarBytes() const override { return chip.farBytes; }
  void addSchedule(mlir::OpPassManager &pm) const override;
  void addLowering(mlir::OpPassManager &pm) const override;

private:
  static MachineDescription describe(const X86Chip &chip, bool isHost) {
    if (isHost) {
      return describeHostMachine(chip.name);
    }
    return {"x86_64-unknown-linux-gnu", chip.name.str(), /*features=*/""};
  }

  X86Chip chip;
};

} // namespace

void X86Target::addSchedule(mlir::OpPassManager &pm) const {
  X86SchedulePassOptions options;
  options.chip = isHost ? "host" : chip.name.str();
  pm.addPass(createX86SchedulePass(options));
}

void X86Target::addLowering(mlir::OpPassManager &pm) const {
  X86ExpandMathPassOptions math;
  math.wide = chip.isWide();
  pm.addPass(createX86ExpandMathPass(math));
  X86LowerBlocksPassOptions blocks;
  blocks.tiles = chip.hasTiles;
  pm.addPass(createX86LowerBlocksPass(blocks));
  X86LowerDotsPassOptions dots;
  dots.pairs = chip.isWide() && chip.hasPairs;
  pm.addPass(createX86LowerDotsPass(dots));
  CpuLoweringOptions options;
  options.nativeBF16 = chip.hasPairs;
  options.targetVectors = true;
  buildCpuToLLVM(pm, options);
}

namespace fovea {

// The functions that lib/Target/Targets.cpp looks for.
llvm::Expected<std::unique_ptr<Target>> createX86Target(llvm::StringRef name,
                                                        llvm::StringRef chip);
void listX86Targets(std::vector<std::string> &names);
void registerX86Passes();
void registerX86Dialects(mlir::DialectRegistry &registry);

llvm::Expected<std::unique_ptr<Target>> createX86Target(llvm::StringRef name,
                                                        llvm::StringRef chip) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  llvm::Expected<X86Chip> row = lookUpX86Chip(chip);
  if (!row) {
    return row.takeError();
  }
  return std::make_unique<X86Target>(name, *row, chip.empty());
}

void listX86Targets(std::vector<std::string> &names) {
  if (isHostArchitecture("x86_64")) {
    names.push_back("cpu");
  }
  for (const X86Chip &chip : getX86Chips()) {
    names.push_back(("cpu:" + chip.name).str());
  }
}

void registerX86Passes() { registerTargetX86Passes(); }

void registerX86Dialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::x86vector::X86VectorDialect>();
}

} // namespace fovea
