//===- LazyCode.cpp - code that is made when it is first needed -----------===//

#include "LazyCode.h"

#include "Background.h"

#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace fovea;

/// What the word @NAME_task stands for.
struct LazyCode::Task {
  Task(LazyCode &code, llvm::StringRef name) : code(code), name(name) {}

  /// Null after fovea_rt_fail.
  void *getBody();
  /// Compiles the task if that has not been done.
  llvm::Expected<llvm::StringRef> getObject();

  LazyCode &code;
  std::string name;
  std::atomic<void *> body{nullptr};
  std::mutex mutex; // for what follows
  std::optional<ObjectCode> object;
  std::string error;

private:
  llvm::Expected<llvm::StringRef> makeObject();
  llvm::Expected<void *> load();
};

/// Objects stay where they are: the code is loaded from them, and they are
/// linked later.
static llvm::Error addObject(llvm::orc::LLJIT &jit, llvm::StringRef bytes) {
  return jit.addObjectFile(llvm::MemoryBuffer::getMemBuffer(
      bytes, "fovea", /*RequiresNullTerminator=*/false));
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// With the mutex held.
llvm::Expected<llvm::StringRef> LazyCode::Task::makeObject() {
  if (!error.empty()) {
    return llvm::createStringError(error);
  }
  if (!object) {
    auto made = code.program.compileTask(name);
    if (!made) {
      error = llvm::toString(made.takeError());
      return llvm::createStringError(error);
    }
    object = std::move(*made);
  }
  return llvm::StringRef(object->data(), object->size());
}

llvm::Expected<llvm::StringRef> LazyCode::Task::getObject() {
  std::lock_guard<std::mutex> lock(mutex);
  return makeObject();
}

/// With the mutex held.
llvm::Expected<void *> LazyCode::Task::load() {
  llvm::Expected<llvm::StringRef> bytes = makeObject();
  if (!bytes) {
    return bytes.takeError();
  }
  if (llvm::Error e = addObject(*code.jit, *bytes)) {
    return e;
  }
  auto address = code.jit->lookup(name + "_body");
  if (!address) {
    return address.takeError();
  }
  auto prepare = code.jit->lookup(name + "_prepare");
  if (!prepare) {
    return prepare.takeError();
  }
  if (prepare->toPtr<fovea_entry>()(nullptr, 0, 0) != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  return address->toPtr<void *>();
}

void *LazyCode::Task::getBody() {
  if (void *known = body.load(std::memory_order_acquire)) {
    return known;
  }
  std::lock_guard<std::mutex> lock(mutex);
  if (!body.load(std::memory_order_relaxed) && error.empty()) {
    runOnFreshThread([this] {
      llvm::Expected<void *> loaded = load();
      if (loaded) {
        body.store(*loaded, std::memory_order_release);
      } else {
        error = llvm::toString(loaded.takeError());
      }
    });
  }
  if (!error.empty()) {
    fovea_rt_fail(error.c_str());
    return nullptr;
  }
  if (code.onFirstTask && !code.hasRun.exchange(true)) {
    code.onFirstTask();
  }
  return body.load(std::memory_order_relaxed);
}

void *LazyCode::findBody(void *task) {
  return static_cast<Task *>(task)->getBody();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

LazyCode::LazyCode(DividedProgram &program) : program(program) {
  for (const std::string &name : program.getTasks()) {
    tasks.emplace_back(*this, name);
  }
}

LazyCode::~LazyCode() = default;

/// With the mutex held.
llvm::Expected<llvm::StringRef> LazyCode::getHost() {
  if (!host) {
    auto made = program.compileHost();
    if (!made) {
      return made.takeError();
    }
    host = std::move(*made);
  }
  return llvm::StringRef(host->data(), host->size());
}

llvm::Error LazyCode::defineTasks() {
  llvm::orc::SymbolMap symbols;
  for (Task &task : tasks) {
    symbols[jit->mangleAndIntern(task.name + "_task")] = {
        llvm::orc::ExecutorAddr::fromPtr(&task),
        llvm::JITSymbolFlags::Exported};
  }
  symbols[jit->mangleAndIntern("fovea_task_body")] = {
      llvm::orc::ExecutorAddr::fromPtr(&findBody),
      llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  return jit->getMainJITDylib().define(
      llvm::orc::absoluteSymbols(std::move(symbols)));
}

/// With the mutex held.
llvm::Error LazyCode::load() {
  llvm::Expected<llvm::StringRef> bytes = getHost();
  if (!bytes) {
    return bytes.takeError();
  }
  auto made = makeJit({});
  if (!made) {
    return made.takeError();
  }
  jit = std::move(*made);
  if (llvm::Error e = defineTasks()) {
    return e;
  }
  return addObject(*jit, *bytes);
}

llvm::Expected<llvm::orc::ExecutorAddr>
LazyCode::lookUp(llvm::StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!jit) {
    if (llvm::Error e = load()) {
      jit.reset();
      return e;
    }
  }
  return jit->lookup(name);
}

unsigned LazyCode::countCompiled() {
  return llvm::count_if(tasks, [](Task &task) {
    std::lock_guard<std::mutex> lock(task.mutex);
    return task.object.has_value();
  });
}

/// What the host part asks, for code that is linked:
///
///   @NAME_task = constant { ptr, ptr } { @NAME_body, @NAME_prepare }
///   define ptr @fovea_task_body(ptr %task) {
///     return %task->prepare(null, 0, 0) == 0 ? %task->body : null
///   }
llvm::Expected<ObjectCode> LazyCode::makeTable() {
  auto machine = program.createMachine();
  if (!machine) {
    return machine.takeError();
  }
  llvm::LLVMContext context;
  auto module = std::make_unique<llvm::Module>("fovea", context);
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  llvm::IRBuilder<> b(context);
  auto hide = [](llvm::GlobalValue *value) {
    value->setVisibility(llvm::GlobalValue::HiddenVisibility);
  };
  auto *pointer = b.getPtrTy();
  auto *bodyType = llvm::FunctionType::get(
      b.getVoidTy(), {pointer, b.getInt64Ty(), b.getInt32Ty()}, false);
  auto *entryType = llvm::FunctionType::get(
      b.getInt32Ty(), {pointer, b.getInt32Ty(), b.getInt32Ty()}, false);
  auto *taskType = llvm::StructType::get(context, {pointer, pointer});
  auto declare = [&](llvm::FunctionType *type, const llvm::Twine &name) {
    return llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                  name, *module);
  };
  for (const Task &task : tasks) {
    llvm::Function *body = declare(bodyType, task.name + "_body");
    hide(body);
    auto *value = llvm::ConstantStruct::get(
        taskType, {body, declare(entryType, task.name + "_prepare")});
    hide(new llvm::GlobalVariable(
        *module, taskType, /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, value, task.name + "_task"));
  }
  llvm::Function *find = declare(
      llvm::FunctionType::get(pointer, {pointer}, false), "fovea_task_body");
  hide(find);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "", find));
  llvm::Value *task = find->getArg(0);
  auto *null = llvm::ConstantPointerNull::get(pointer);
  llvm::Value *status = b.CreateCall(
      entryType, b.CreateLoad(pointer, b.CreateStructGEP(taskType, task, 1)),
      {null, b.getInt32(0), b.getInt32(0)});
  b.CreateRet(b.CreateSelect(
      b.CreateICmpEQ(status, b.getInt32(0)),
      b.CreateLoad(pointer, b.CreateStructGEP(taskType, task, 0)), null));
  return compileModule(std::move(module), **machine, /*optLevel=*/0);
}

llvm::Expected<std::string> LazyCode::link() {
  std::vector<llvm::StringRef> objects;
  {
    std::lock_guard<std::mutex> lock(mutex);
    llvm::Expected<llvm::StringRef> bytes = getHost();
    if (!bytes) {
      return bytes.takeError();
    }
    objects.push_back(*bytes);
  }
  for (Task &task : tasks) {
    llvm::Expected<llvm::StringRef> bytes = task.getObject();
    if (!bytes) {
      return bytes.takeError();
    }
    objects.push_back(*bytes);
  }
  llvm::Expected<ObjectCode> table = makeTable();
  if (!table) {
    return table.takeError();
  }
  objects.emplace_back(table->data(), table->size());
  return linkObjects(objects);
}
