//===- NVPTXTargetInfo.cpp - the chips of this family ----------------------===//

#include "fovea/Target/NVPTX/NVPTXTargetInfo.h"

#include "fovea/Target/Common/DeviceTarget.h"
#include "fovea/Target/NVPTX/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/TargetSelect.h"

using namespace fovea;

llvm::ArrayRef<DeviceChip> fovea::getNVPTXChips() {
  static constexpr DeviceChip chips[] = {
#define NVIDIA_CHIP(name, multiprocessors, nearPerBlock, nearPerProcessor,     \
                    threads, blocks, atoms)                                    \
  {name, 32, multiprocessors, nearPerBlock, nearPerProcessor, 65536, threads,  \
   32,   16, true,            atoms,        blocks,           4,     8,        \
   128,  1024},
#include "KnownChips.inc"
#undef NVIDIA_CHIP
  };
  return chips;
}

llvm::ArrayRef<MatrixAtom> fovea::getNVPTXAtoms(const DeviceChip &chip) {
  // Rows of one table lie together.
  struct Row {
    llvm::StringRef family;
    MatrixAtom atom;
  };
  static const llvm::StringMap<std::vector<MatrixAtom>> tables = [] {
    static constexpr Row rows[] = {
#define ATOM(family, m, n, k, type, rate, a, b, c, intrinsic, operands)        \
  {family, {m, n, k, type, rate, a, b, c, intrinsic, AtomOperands::operands}},
#include "Atoms.inc"
#undef ATOM
    };
    llvm::StringMap<std::vector<MatrixAtom>> result;
    for (const Row &row : rows) {
      result[row.family].push_back(row.atom);
    }
    return result;
  }();
  return tables.find(chip.atoms)->second;
}

namespace {

class NVPTXDevice : public Device {
public:
  explicit NVPTXDevice(const DeviceChip &chip) : chip(chip) {}

  llvm::StringRef getFamily() const override { return "nvidia"; }
  llvm::StringRef getBinaryKind() const override { return "cubin"; }
  llvm::StringRef getTextKind() const override { return "ptx"; }
  llvm::StringRef getChip() const override { return chip.name; }
  const DeviceChip &getChipRow() const override { return chip; }
  MachineDescription getMachine() const override {
    return {"nvptx64-nvidia-cuda", chip.name.str(), ""};
  }
  tile::MachineAttr getMachineAttr(mlir::MLIRContext *context) const override {
    return makeMachine(context, chip, getNVPTXAtoms(chip));
  }
  llvm::Expected<DeviceCode>
  makeCode(const llvm::Module &module) const override {
    return makeNVPTXCode(module, getMachine());
  }

private:
  DeviceChip chip;
};

class NVPTXTarget : public DeviceTarget {
public:
  NVPTXTarget(llvm::StringRef name, const DeviceChip &chip)
      : DeviceTarget(name, std::make_unique<NVPTXDevice>(chip)) {}

  void addSchedule(mlir::OpPassManager &pm) const override {
    NVPTXSchedulePassOptions options;
    options.chip = getDevice()->getChip().str();
    pm.addPass(createNVPTXSchedulePass(options));
  }

protected:
  void addLaneLowering(mlir::OpPassManager &pm) const override {
    NVPTXLowerPassOptions options;
    options.chip = getDevice()->getChip().str();
    pm.addPass(createNVPTXLowerPass(options));
  }
};

} // namespace

namespace fovea {

// The functions that lib/Target/Targets.cpp looks for.
llvm::Expected<std::unique_ptr<Target>>
createNVPTXTarget(llvm::StringRef name, llvm::StringRef chip);
void listNVPTXTargets(std::vector<std::string> &names);
void registerNVPTXPasses();

llvm::Expected<std::unique_ptr<Target>>
createNVPTXTarget(llvm::StringRef name, llvm::StringRef chip) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Expected<DeviceChip> row = lookUpChip(getNVPTXChips(), chip);
  if (!row) {
    return row.takeError();
  }
  return std::make_unique<NVPTXTarget>(name, *row);
}

void listNVPTXTargets(std::vector<std::string> &names) {
  for (const DeviceChip &chip : getNVPTXChips()) {
    names.push_back(chip.name.str());
  }
}

void registerNVPTXPasses() { registerTargetNVPTXPasses(); }

} // namespace fovea
