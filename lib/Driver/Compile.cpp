//===- Compile.cpp - the whole compiler as one call -----------------------===//

#include "fovea/Driver/Compiler.h"

#include "CachedExecutable.h"
#include "DeviceExecutable.h"
#include "DividedProgram.h"
#include "Gatherer.h"
#include "fovea/Driver/Dialects.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace fovea;

static constexpr llvm::StringLiteral kNameAttr = "fovea.name";

static std::optional<fovea_dtype> toDtype(Type type) {
  if (type.isF32()) {
    return FOVEA_F32;
  }
  if (type.isF16()) {
    return FOVEA_F16;
  }
  if (type.isBF16()) {
    return FOVEA_BF16;
  }
  if (type.isInteger(32)) {
    return FOVEA_I32;
  }
  if (type.isInteger(64)) {
    return FOVEA_I64;
  }
  if (type.isInteger(1)) {
    return FOVEA_I1;
  }
  if (type.isSignlessInteger(8)) {
    return FOVEA_I8;
  }
  if (isa<Float8E4M3FNType>(type)) {
    return FOVEA_F8E4M3FN;
  }
  return std::nullopt;
}

static FailureOr<Parameter> describe(func::FuncOp function, Type type,
                                     StringAttr name, const Twine &otherwise) {
  // A scalar is passed as an array of rank 0.
  auto array = dyn_cast<ShapedType>(type);
  bool hasShape = !array || array.hasRank();
  std::optional<fovea_dtype> dtype = toDtype(getElementTypeOrSelf(type));
  ArrayRef<int64_t> shape;
  if (array && hasShape) {
    shape = array.getShape();
  }
  if (!hasShape || !dtype || shape.size() > FOVEA_MAX_RANK) {
    return function.emitOpError("expected ")
           << otherwise << " to be an array of f32, f16, bf16, i32, i64, i1, i8 "
           << "or f8E4M3FN with at most " << FOVEA_MAX_RANK << " dimensions, got " << type;
  }
  Parameter parameter;
  parameter.name = name ? name.str() : otherwise.str();
  parameter.dtype = *dtype;
  for (int64_t extent : shape) {
    parameter.shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
  }
  return parameter;
}

/// The entries of a module. For source this is asked at the cascade level:
/// there the arguments are those of the compiled function, and extents are
/// still easy to follow.
static FailureOr<std::vector<Entry>> describeEntries(ModuleOp module) {
  std::vector<Entry> entries;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration()) {
      continue;
    }
    Entry entry;
    entry.name = function.getName().str();
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      FailureOr<Parameter> parameter = describe(
          function, type, function.getArgAttrOfType<StringAttr>(i, kNameAttr),
          "arg" + Twine(i));
      if (failed(parameter)) {
        return failure();
      }
      bool isOutput = static_cast<bool>(function.getArgAttr(i, "fovea.output"));
      (isOutput ? entry.outputs : entry.inputs)
          .push_back(std::move(*parameter));
    }
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      FailureOr<Parameter> parameter =
          describe(function, type,
                   function.getResultAttrOfType<StringAttr>(i, kNameAttr),
                   "out" + Twine(i));
      if (failed(parameter)) {
        return failure();
      }
      parameter->extents = getResultExtents(function, i);
      entry.outputs.push_back(std::move(*parameter));
    }
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    return module.emitError("expected a public function to compile");
  }
  return entries;
}

/// Takes the module through all levels up to `last`.
static FailureOr<std::vector<Entry>> lower(ModuleOp module,
                                           const Target &target,
                                           const CompileOptions &options,
                                           Level last) {
  FailureOr<std::vector<Entry>> entries;
  if (options.from) {
    entries = describeEntries(module);
    if (failed(entries)) {
      return failure();
    }
  }
  for (Level level : getLevels()) {
    if (level > last || (options.from && level <= *options.from)) {
      continue;
    }
    PassManager pm(module.getContext());
    // Once per level is enough.
    pm.enableVerifier(false);
    addPassesTo(level, target, pm, {options.tuning, options.form});
    if (failed(pm.run(module)) || failed(verify(module))) {
      return failure();
    }
    if (level == Level::Cascade) {
      entries = describeEntries(module);
      if (failed(entries)) {
        return failure();
      }
    }
    if (options.printTo && llvm::is_contained(options.printAfter, level)) {
      *options.printTo << "// " << getLevelName(level) << "\n" << module;
    }
  }
  return entries;
}

/// Takes the kernels out of a lowered module and translates them.
static llvm::Expected<std::unique_ptr<llvm::Module>>
makeKernels(ModuleOp module, const Device &device, llvm::LLVMContext &context) {
  auto found = module.getOps<gpu::GPUModuleOp>();
  if (found.empty()) {
    return llvm::createStringError("expected a program with tasks for a device");
  }
  gpu::GPUModuleOp kernels = *found.begin();
  auto made = device.makeModule(kernels, context);
  kernels.erase();
  return made;
}

llvm::Expected<std::unique_ptr<Executable>>
fovea::compile(ModuleOp module, const CompileOptions &options) {
  auto target = lookUpTarget(options.target);
  if (!target) {
    return target.takeError();
  }
  auto machine = createTargetMachine((*target)->getMachine(), options.optLevel);
  if (!machine) {
    return machine.takeError();
  }
  Gatherer diagnostics(module.getContext(), options.onRemark,
                       options.onWarning);
  OwningOpRef<ModuleOp> copy = module.clone();
  FailureOr<std::vector<Entry>> entries = lower(*copy, **target, options, Level::Llvm);
  if (failed(entries)) {
    return diagnostics.takeError("compilation failed");
  }
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> kernels;
  if (const Device *device = (*target)->getDevice()) {
    auto made = makeKernels(*copy, *device, *context);
    if (!made) {
      return diagnostics.takeError(llvm::toString(made.takeError()));
    }
    kernels = std::move(*made);
  }
  auto ir = translateToLLVMIR(*copy, *context, **machine);
  if (!ir) {
    return diagnostics.takeError(llvm::toString(ir.takeError()));
  }
  if (kernels) {
    return std::make_unique<DeviceExecutable>(
        std::move(*target), std::move(*entries), std::move(*machine),
        std::move(context), std::move(*ir), options.optLevel,
        std::move(kernels));
  }
  return std::make_unique<NativeExecutable>(
      std::move(*target), std::move(*entries), std::move(*machine),
      std::move(context), std::move(*ir), options.optLevel);
}

void fovea::printError(llvm::Error error) {
  std::string text = llvm::toString(std::move(error));
  // Diagnostics begin with their place, if they have one.
  bool saysSo = StringRef(text).split('\n').first.contains("error: ");
  llvm::errs() << (saysSo ? "" : "error: ") << text << '\n';
}

/// Gives arguments the names they have in the text (`%q` becomes "q"), for
/// messages and headers, unless they have one.
static void nameArguments(ModuleOp module, const AsmParserState &state) {
  for (auto function : module.getOps<func::FuncOp>()) {
    const AsmParserState::BlockDefinition *definition =
        function.isDeclaration() ? nullptr
                                 : state.getBlockDef(&function.front());
    if (!definition) {
      continue;
    }
    for (auto [i, argument] : llvm::enumerate(definition->arguments)) {
      const char *begin = argument.loc.Start.getPointer();
      StringRef name(begin, argument.loc.End.getPointer() - begin);
      bool isName = name.consume_front("%") && !name.empty() &&
                    !llvm::isDigit(name.front());
      if (isName && !function.getArgAttr(i, kNameAttr)) {
        function.setArgAttr(i, kNameAttr,
                            StringAttr::get(module.getContext(), name));
      }
    }
  }
}

llvm::Expected<OwningOpRef<ModuleOp>>
fovea::parse(MLIRContext &context, StringRef text, StringRef name) {
  Gatherer diagnostics(&context, nullptr, nullptr);
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name),
                            llvm::SMLoc());
  Block block;
  AsmParserState state;
  OwningOpRef<ModuleOp> module;
  if (succeeded(
          parseAsmSourceFile(source, &block, ParserConfig(&context), &state))) {
    module = mlir::detail::constructContainerOpForParserIfNecessary<ModuleOp>(
        &block, &context, FileLineColLoc::get(&context, name, 0, 0));
  }
  if (!module) {
    return diagnostics.takeError(name + ": error: expected MLIR text");
  }
  nameArguments(*module, state);
  return module;
}

llvm::Expected<std::unique_ptr<Executable>>
fovea::compile(StringRef text, const CompileOptions &options) {
  return options.cache ? compileThroughCache(text, options)
                       : compileText(text, options);
}

/// Takes a program to where its tasks are functions; the rest of the way each of
/// them goes when it is first called.
static llvm::Expected<std::unique_ptr<Executable>>
compileLazily(std::unique_ptr<MLIRContext> &context,
              OwningOpRef<ModuleOp> &module, std::unique_ptr<Target> target,
              const CompileOptions &options) {
  auto machine = createTargetMachine(target->getMachine(), options.optLevel);
  if (!machine) {
    return machine.takeError();
  }
  Gatherer diagnostics(context.get(), options.onRemark, options.onWarning);
  FailureOr<std::vector<Entry>> entries =
      lower(*module, *target, options, Level::Tile);
  if (failed(entries)) {
    return diagnostics.takeError("compilation failed");
  }
  bool isVector = options.from == Level::Vector;
  if (!isVector) {
    PassManager pm(context.get());
    addOutliningPasses(pm);
    if (failed(pm.run(*module))) {
      return diagnostics.takeError("compilation failed");
    }
  }
  auto program = std::make_unique<DividedProgram>(
      std::move(context), std::move(module), *target, options.optLevel,
      isVector);
  return std::make_unique<NativeExecutable>(
      std::move(target), std::move(*entries), std::move(*machine),
      std::move(program), options.optLevel);
}

llvm::Expected<std::unique_ptr<Executable>>
fovea::compileText(StringRef text, const CompileOptions &options) {
  auto target = lookUpTarget(options.target);
  if (!target) {
    return target.takeError();
  }
  DialectRegistry registry;
  registerDialects(registry);
  // One program keeps no thread busy, and starting some costs more.
  auto context = std::make_unique<MLIRContext>(
      registry, MLIRContext::Threading::DISABLED);
  auto module = parse(*context, text, options.sourceName);
  if (!module) {
    return module.takeError();
  }
  // Levels are printed whole, and devices load all kernels at once.
  bool isWhole = (*target)->getDevice() || !options.printAfter.empty() ||
                 options.from == Level::Llvm;
  if (isWhole) {
    return compile(**module, options);
  }
  return compileLazily(context, *module, std::move(*target), options);
}
