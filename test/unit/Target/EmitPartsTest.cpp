//===- EmitPartsTest.cpp - code of one module on several threads ----------===//

#include "fovea/Target/Common/CodeGen.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <dlfcn.h>

using namespace fovea;

namespace {

/// Two functions that are handed on as pointers, with a callee that both have
/// and a constant; `@run` calls the one that its argument says.
constexpr llvm::StringLiteral kModule = R"(
@table = internal constant [2 x i64] [i64 100, i64 200]
VARIABLE

define internal i64 @shared(i64 %x) noinline {
  %p = getelementptr [2 x i64], ptr @table, i64 0, i64 %x
  %v = load i64, ptr %p
  ret i64 %v
}

define internal i64 @first(i64 %x) {
  %v = call i64 @shared(i64 0)
  %r = add i64 %v, %x
  ret i64 %r
}

define internal i64 @second(i64 %x) {
  %v = call i64 @shared(i64 1)
  %w = add i64 %v, %v
  %r = add i64 %w, %x
  ret i64 %r
}

define i64 @run(i1 %which, i64 %x) {
  %f = select i1 %which, ptr @second, ptr @first
  %r = call i64 %f(i64 %x)
  ret i64 %r
}
)";

class EmitPartsTest : public testing::TestWithParam<int> {
protected:
  std::vector<ObjectCode> emit(llvm::StringRef variable, unsigned threads) {
    std::string text = kModule.str();
    text.replace(text.find("VARIABLE"), 8, variable.str());
    llvm::LLVMContext context;
    llvm::SMDiagnostic error;
    std::unique_ptr<llvm::Module> module =
        llvm::parseAssemblyString(text, error, context);
    EXPECT_TRUE(module) << error.getMessage().str();
    auto target = llvm::cantFail(lookUpTarget("cpu"));
    MachineDescription machine = target->getMachine();
    auto made = llvm::cantFail(createTargetMachine(machine, GetParam()));
    module->setTargetTriple(made->getTargetTriple());
    module->setDataLayout(made->createDataLayout());
    auto parts = emitParts(*module, machine, GetParam(), threads);
    EXPECT_TRUE(bool(parts));
    // The module is what it was.
    EXPECT_TRUE(module->getFunction("first")->hasInternalLinkage());
    EXPECT_FALSE(module->getFunction("second")->isDeclaration());
    return parts ? std::move(*parts) : std::vector<ObjectCode>();
  }

  /// Links the parts and calls `run`.
  static void callAll(llvm::ArrayRef<ObjectCode> parts) {
    std::vector<llvm::StringRef> objects;
    for (const ObjectCode &part : parts) {
      objects.emplace_back(part.data(), part.size());
    }
    std::string bytes = llvm::cantFail(linkObjects(objects));
    llvm::SmallString<128> path;
    int file = -1;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("parts", "so", file, path));
    llvm::raw_fd_ostream(file, /*shouldClose=*/true) << bytes;
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << dlerror();
    auto *run = reinterpret_cast<int64_t (*)(bool, int64_t)>(
        dlsym(library, "run"));
    ASSERT_TRUE(run);
    EXPECT_EQ(run(false, 7), 107);
    EXPECT_EQ(run(true, 7), 407);
    // Nothing but what the module shows.
    EXPECT_FALSE(dlsym(library, "first"));
    EXPECT_FALSE(dlsym(library, "shared"));
    dlclose(library);
    llvm::sys::fs::remove(path);
  }
};

TEST_P(EmitPartsTest, FunctionsBehindPointersAreParts) {
  std::vector<ObjectCode> parts = emit("", 4);
  EXPECT_EQ(parts.size(), 3u);
  callAll(parts);
}

TEST_P(EmitPartsTest, OneThreadMakesOnePart) {
  std::vector<ObjectCode> parts = emit("", 1);
  EXPECT_EQ(parts.size(), 1u);
  callAll(parts);
}

TEST_P(EmitPartsTest, VariablesAreNotDoubled) {
  std::vector<ObjectCode> parts = emit("@state = internal global i64 0", 4);
  EXPECT_EQ(parts.size(), 1u);
  callAll(parts);
}

INSTANTIATE_TEST_SUITE_P(Levels, EmitPartsTest, testing::Values(0, 2));

} // namespace
