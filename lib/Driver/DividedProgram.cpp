//===- DividedProgram.cpp - parts that are compiled one by one ------------===//

#include "DividedProgram.h"

#include "Gatherer.h"
#include "fovea/Pipelines/Pipelines.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace fovea;

/// Private functions that entries run, and that are used for nothing else.
static std::vector<std::string> findTasks(ModuleOp module) {
  std::optional<SymbolTable::UseRange> uses =
      SymbolTable::getSymbolUses(&module.getBodyRegion());
  bool canDivide = llvm::all_of(*module.getBody(), [](Operation &op) {
    return isa<func::FuncOp>(op);
  });
  if (!uses || !canDivide) {
    return {};
  }
  llvm::StringSet<> run, other;
  for (const SymbolTable::SymbolUse &use : *uses) {
    auto user = use.getUser()->getParentOfType<func::FuncOp>();
    bool isRun = isa<tile::RunOp>(use.getUser()) && user && user.isPublic();
    (isRun ? run : other).insert(use.getSymbolRef().getLeafReference());
  }
  std::vector<std::string> tasks;
  for (auto function : module.getOps<func::FuncOp>()) {
    StringRef name = function.getName();
    if (function.isPrivate() && !function.isDeclaration() &&
        run.contains(name) && !other.contains(name)) {
      tasks.push_back(name.str());
    }
  }
  return tasks;
}

DividedProgram::DividedProgram(std::unique_ptr<MLIRContext> context,
                               OwningOpRef<ModuleOp> module,
                               const Target &target, int optLevel,
                               bool isVector)
    : context(std::move(context)), module(std::move(module)), target(target),
      optLevel(optLevel), isVector(isVector), tasks(findTasks(*this->module)) {}

DividedProgram::~DividedProgram() = default;

/// A module of the functions that are roots and of all that they use; tasks
/// that are no roots are declared.
OwningOpRef<ModuleOp>
DividedProgram::copy(llvm::function_ref<bool(Operation *)> isRoot) {
  SymbolTable symbols(*module);
  llvm::SetVector<Operation *> used;
  for (Operation &op : *module->getBody()) {
    if (isRoot(&op)) {
      used.insert(&op);
    }
  }
  auto isElsewhere = [&](Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    return function && !isRoot(op) &&
           llvm::is_contained(tasks, function.getName());
  };
  for (size_t i = 0; i < used.size(); ++i) {
    if (isElsewhere(used[i])) {
      continue;
    }
    SymbolTable::UseRange uses = *SymbolTable::getSymbolUses(used[i]);
    for (const SymbolTable::SymbolUse &use : uses) {
      if (Operation *op =
              symbols.lookup(use.getSymbolRef().getRootReference())) {
        used.insert(op);
      }
    }
  }
  OwningOpRef<ModuleOp> part = ModuleOp::create(module->getLoc());
  (*part)->setAttrs((*module)->getAttrDictionary());
  OpBuilder b = OpBuilder::atBlockEnd(part->getBody());
  for (Operation &op : *module->getBody()) {
    if (!used.contains(&op)) {
      continue;
    }
    if (!isElsewhere(&op)) {
      b.insert(op.clone());
      continue;
    }
    auto task = cast<func::FuncOp>(op);
    func::FuncOp::create(b, task.getLoc(), task.getName(),
                         task.getFunctionType())
        .setPrivate();
  }
  return part;
}

OwningOpRef<ModuleOp> DividedProgram::copyHost() {
  return copy([](Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    return !function || function.isPublic();
  });
}

OwningOpRef<ModuleOp> DividedProgram::copyTask(llvm::StringRef name) {
  OwningOpRef<ModuleOp> part = copy([&](Operation *op) {
    return cast<func::FuncOp>(op).getName() == name;
  });
  part->lookupSymbol(name)->setAttr(tile::kExportedAttrName,
                                    UnitAttr::get(context.get()));
  // An entry without arguments: what the target makes entries do first, because
  // of code that is here, is not done where the task is run.
  OpBuilder b = OpBuilder::atBlockEnd(part->getBody());
  auto prepare = func::FuncOp::create(b, part->getLoc(),
                                      (name + "_prepare").str(),
                                      b.getFunctionType({}, {}));
  b.setInsertionPointToStart(prepare.addEntryBlock());
  func::ReturnOp::create(b, part->getLoc());
  return part;
}

/// Takes a part through the levels that are left.
llvm::Expected<std::unique_ptr<llvm::Module>>
DividedProgram::translate(OwningOpRef<ModuleOp> part,
                          llvm::LLVMContext &llvmContext,
                          llvm::TargetMachine &machine) {
  Gatherer diagnostics(context.get());
  PassManager pm(context.get());
  // Once is enough.
  pm.enableVerifier(false);
  if (!isVector) {
    addTaskPasses(pm);
  }
  addPassesTo(Level::Llvm, target, pm);
  if (failed(pm.run(*part)) || failed(verify(*part))) {
    return diagnostics.takeError("compilation failed");
  }
  auto ir = translateToLLVMIR(*part, llvmContext, machine);
  if (!ir) {
    return diagnostics.takeError(llvm::toString(ir.takeError()));
  }
  return ir;
}

llvm::Expected<ObjectCode> DividedProgram::compile(
    llvm::function_ref<OwningOpRef<ModuleOp>(int &level)> copy) {
  std::unique_lock<std::mutex> lock(mutex);
  int level = optLevel;
  OwningOpRef<ModuleOp> part = copy(level);
  auto machine = createTargetMachine(target.getMachine(), level);
  if (!machine) {
    return machine.takeError();
  }
  llvm::LLVMContext llvmContext;
  auto ir = translate(std::move(part), llvmContext, **machine);
  lock.unlock();
  if (!ir) {
    return ir.takeError();
  }
  return compileModule(std::move(*ir), **machine, level);
}

llvm::Expected<ObjectCode> DividedProgram::compileHost() {
  return compile([this](int &level) {
    OwningOpRef<ModuleOp> host = copyHost();
    // Code without loops takes no time, and much of the compiler's.
    WalkResult loops = host->walk(
        [](LoopLikeOpInterface) { return WalkResult::interrupt(); });
    if (!loops.wasInterrupted()) {
      level = 0;
    }
    return host;
  });
}

llvm::Expected<ObjectCode>
DividedProgram::compileTask(llvm::StringRef name) {
  return compile([&](int &) { return copyTask(name); });
}

llvm::Expected<std::unique_ptr<llvm::Module>>
DividedProgram::translateAll(llvm::LLVMContext &llvmContext,
                             llvm::TargetMachine &machine) {
  std::lock_guard<std::mutex> lock(mutex);
  return translate(module->clone(), llvmContext, machine);
}
