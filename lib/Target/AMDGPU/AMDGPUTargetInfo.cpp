//===- AMDGPUTargetInfo.cpp - the chips of this family ----------------------===//

#include "fovea/Target/AMDGPU/AMDGPUTargetInfo.h"

#include "fovea/Target/Common/DeviceTarget.h"
#include "fovea/Target/AMDGPU/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/TargetSelect.h"

using namespace fovea;

llvm::ArrayRef<DeviceChip> fovea::getAMDGPUChips() {
  // Copies pass through registers, and so do transposed reads.
  static constexpr DeviceChip chips[] = {
#define AMD_CHIP(name, lanes, multiprocessors, nearPerBlock, nearPerProcessor, \
                 registers, threads, banks, parts, registerUnit, nearUnit,     \
                 atoms)                                                        \
  {name,    lanes, multiprocessors, nearPerBlock, nearPerProcessor, registers, \
   threads, banks, 0,               false,        atoms,            16,        \
   parts,   registerUnit,           nearUnit,     0},
#include "KnownChips.inc"
#undef AMD_CHIP
  };
  return chips;
}

llvm::ArrayRef<MatrixAtom> fovea::getAMDGPUAtoms(const DeviceChip &chip) {
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

class AMDGPUDevice : public Device {
public:
  explicit AMDGPUDevice(const DeviceChip &chip) : chip(chip) {}

  llvm::StringRef getFamily() const override { return "amd"; }
  llvm::StringRef getBinaryKind() const override { return "hsaco"; }
  llvm::StringRef getChip() const override { return chip.name; }
  const DeviceChip &getChipRow() const override { return chip; }
  MachineDescription getMachine() const override {
    return {"amdgcn-amd-amdhsa", chip.name.str(), ""};
  }
  tile::MachineAttr getMachineAttr(mlir::MLIRContext *context) const override {
    return makeMachine(context, chip, getAMDGPUAtoms(chip));
  }
  llvm::Expected<DeviceCode>
  makeCode(const llvm::Module &module) const override {
    return makeAMDGPUCode(module, getMachine());
  }

protected:
  /// Of the metadata that the loader reads, version 5 is what drivers since
  /// 2023 know; LLVM counts in hundreds.
  void prepare(llvm::Module &module) const override {
    module.addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version",
                         500);
    if (!isMatrixCore()) {
      return;
    }
    for (llvm::Function &function : module) {
      if (!function.isDeclaration()) {
        function.addFnAttr(kAccumulatorsAttribute, "0");
      }
    }
  }
  /// V_PK_MUL_F32 and its like: "CDNA3 Instruction Set Architecture", chapter
  /// on packed math.
  unsigned getVectorBits() const override { return isMatrixCore() ? 64 : 32; }

private:
  /// CDNA, as against RDNA.
  bool isMatrixCore() const { return chip.lanes == 64; }

  DeviceChip chip;
};

class AMDGPUTarget : public DeviceTarget {
public:
  AMDGPUTarget(llvm::StringRef name, const DeviceChip &chip)
      : DeviceTarget(name, std::make_unique<AMDGPUDevice>(chip)) {}

  void addSchedule(mlir::OpPassManager &pm) const override {
    AMDGPUSchedulePassOptions options;
    options.chip = getDevice()->getChip().str();
    pm.addPass(createAMDGPUSchedulePass(options));
  }

protected:
  void addLaneLowering(mlir::OpPassManager &pm) const override {
    AMDGPULowerPassOptions options;
    options.chip = getDevice()->getChip().str();
    pm.addPass(createAMDGPULowerPass(options));
  }
};

} // namespace

namespace fovea {

// The functions that lib/Target/Targets.cpp looks for.
llvm::Expected<std::unique_ptr<Target>>
createAMDGPUTarget(llvm::StringRef name, llvm::StringRef chip);
void listAMDGPUTargets(std::vector<std::string> &names);
void registerAMDGPUPasses();

llvm::Expected<std::unique_ptr<Target>>
createAMDGPUTarget(llvm::StringRef name, llvm::StringRef chip) {
  LLVMInitializeAMDGPUTargetInfo();
  LLVMInitializeAMDGPUTarget();
  LLVMInitializeAMDGPUTargetMC();
  LLVMInitializeAMDGPUAsmPrinter();
  llvm::Expected<DeviceChip> row = lookUpChip(getAMDGPUChips(), chip);
  if (!row) {
    return row.takeError();
  }
  return std::make_unique<AMDGPUTarget>(name, *row);
}

void listAMDGPUTargets(std::vector<std::string> &names) {
  for (const DeviceChip &chip : getAMDGPUChips()) {
    names.push_back(chip.name.str());
  }
}

void registerAMDGPUPasses() { registerTargetAMDGPUPasses(); }

} // namespace fovea
