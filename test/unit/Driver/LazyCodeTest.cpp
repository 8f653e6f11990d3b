//===- LazyCodeTest.cpp - tasks are compiled when they are called ---------===//

#include "CacheTest.h"

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/KernelCache.h"

#include "gtest/gtest.h"

#include <cfenv>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace fovea;

namespace {

/// Fewer than 4 elements become 1, others 2.
constexpr llvm::StringLiteral kProgram = R"(
func.func @fill(%out: memref<?xf32> {fovea.output}) {
  %zero = arith.constant 0 : index
  %four = arith.constant 4 : index
  %n = memref.dim %out, %zero : memref<?xf32>
  %isFew = arith.cmpi slt, %n, %four : index
  scf.if %isFew {
    tile.run @few tasks %n(%out) : memref<?xf32>
  } else {
    %held = memref.alloc(%n) : memref<?xf32>
    tile.run @many tasks %n(%held) : memref<?xf32>
    tile.run @copy tasks %n(%held, %out) : memref<?xf32>, memref<?xf32>
    memref.dealloc %held : memref<?xf32>
  }
  return
}
func.func private @few(%out: memref<?xf32>, %task: index) {
  %x = arith.constant 1.0 : f32
  memref.store %x, %out[%task] : memref<?xf32>
  return
}
func.func private @many(%out: memref<?xf32>, %task: index) {
  %x = func.call @two() : () -> f32
  memref.store %x, %out[%task] : memref<?xf32>
  return
}
func.func private @copy(%from: memref<?xf32>, %out: memref<?xf32>, %task: index) {
  %x = memref.load %from[%task] : memref<?xf32>
  memref.store %x, %out[%task] : memref<?xf32>
  return
}
func.func private @two() -> f32 {
  %x = arith.constant 2.0 : f32
  return %x : f32
}
)";

CompileOptions getOptions(std::shared_ptr<KernelCache> cache = nullptr) {
  return getTaskOptions(std::move(cache));
}

/// The elements of a call with so many, or the error.
std::string call(Executable &program, size_t count) {
  std::vector<float> data(count);
  if (llvm::Error e = program.run("fill", {makeTensor(data)}, 2)) {
    return llvm::toString(std::move(e));
  }
  std::string text;
  for (float x : data) {
    text += std::to_string(int(x));
  }
  return text;
}

TEST(LazyCodeTest, OnlyWhatIsCalledIsCompiled) {
  auto program = llvm::cantFail(compile(kProgram, getOptions()));
  auto countCompiled = [&] {
    EXPECT_EQ(program->countTasks().tasks, 3u);
    return program->countTasks().compiled;
  };
  EXPECT_EQ(countCompiled(), 0u);
  ASSERT_TRUE(bool(program->getFunction("fill")));
  EXPECT_EQ(countCompiled(), 0u);
  EXPECT_EQ(call(*program, 3), "111");
  EXPECT_EQ(countCompiled(), 1u);
  EXPECT_EQ(call(*program, 2), "11");
  EXPECT_EQ(countCompiled(), 1u);
  EXPECT_EQ(call(*program, 5), "22222");
  EXPECT_EQ(countCompiled(), 3u);
  EXPECT_EQ(call(*program, 1), "1");
}

TEST(LazyCodeTest, OtherFormsHaveAllTasks) {
  auto program = llvm::cantFail(compile(kProgram, getOptions()));
  EXPECT_EQ(call(*program, 3), "111");
  std::string text = llvm::cantFail(program->emit(EmitKind::LLVMIR));
  for (const char *name : {"@few_body(", "@many_body(", "@copy_body("}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(text.find("fovea_task_body"), std::string::npos);
  // And it can still be called.
  EXPECT_EQ(call(*program, 5), "22222");
}

TEST(LazyCodeTest, ThreadsMayCallFirstAtTheSameTime) {
  for (int turn = 0; turn < 5; ++turn) {
    auto program = llvm::cantFail(compile(kProgram, getOptions()));
    fovea_entry function = llvm::cantFail(program->getFunction("fill"));
    std::vector<std::thread> threads;
    std::vector<std::vector<float>> results(6);
    for (size_t i = 0; i < results.size(); ++i) {
      results[i].resize(i % 2 ? 3 : 9);
      threads.emplace_back([&result = results[i], function] {
        fovea_tensor tensor = makeTensor(result);
        EXPECT_EQ(function(&tensor, 1, 2), 0);
      });
    }
    for (std::thread &thread : threads) {
      thread.join();
    }
    for (auto [i, result] : llvm::enumerate(results)) {
      EXPECT_EQ(result, std::vector<float>(result.size(), i % 2 ? 1 : 2));
    }
    EXPECT_EQ(program->countTasks().compiled, 3u);
  }
}

/// The program, with a task that no pass makes code of.
std::string breakTask(llvm::StringRef name) {
  std::string text = kProgram.str();
  size_t at = text.find(("func.func private @" + name).str());
  return text.insert(text.find('{', at) + 1,
                     R"(
  %at = arith.constant 0 : index
  %none = tensor.empty() : tensor<1xf32>
  %element = tensor.extract %none[%at] : tensor<1xf32>
  memref.store %element, %out[%task] : memref<?xf32>)");
}

TEST(LazyCodeTest, AnErrorIsThatOfTheCall) {
  auto program = llvm::cantFail(compile(breakTask("many"), getOptions()));
  EXPECT_EQ(call(*program, 3), "111");
  std::string error = call(*program, 5);
  EXPECT_NE(error.find("<text>:"), std::string::npos) << error;
  EXPECT_EQ(call(*program, 5), error);
  EXPECT_EQ(call(*program, 3), "111");
  EXPECT_EQ(program->countTasks().compiled, 1u);
}

TEST(LazyCodeTest, TheCallersArithmeticDoesNotMatter) {
  auto program = llvm::cantFail(compile(kProgram, getOptions()));
  std::fesetround(FE_TOWARDZERO);
  std::string result = call(*program, 5);
  int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(result, "22222");
  EXPECT_EQ(mode, FE_TOWARDZERO);
}

//===----------------------------------------------------------------------===//
// With the cache
//===----------------------------------------------------------------------===//

class LazyCacheTest : public CacheTest {
protected:
  /// Of code from a file all tasks are there: nothing is compiled.
  void expectHit() {
    auto program = llvm::cantFail(compile(kProgram, getOptions(cache)));
    EXPECT_EQ(program->countTasks().tasks, 0u);
    EXPECT_EQ(call(*program, 3), "111");
    EXPECT_EQ(call(*program, 5), "22222");
    EXPECT_EQ(cache->list().size(), 1u);
    EXPECT_TRUE(warnings.empty());
  }
};

TEST_F(LazyCacheTest, TheFirstCallLeadsToTheWholeFile) {
  auto program = llvm::cantFail(compile(kProgram, getOptions(cache)));
  EXPECT_EQ(call(*program, 3), "111");
  program->settle();
  EXPECT_EQ(program->countTasks().compiled, 3u);
  EXPECT_EQ(cache->list().size(), 1u);
  EXPECT_EQ(call(*program, 5), "22222");
  expectHit();
}

TEST_F(LazyCacheTest, AProgramIsKeptAtTheLatestWhenItGoes) {
  ASSERT_TRUE(bool(compile(kProgram, getOptions(cache))));
  expectHit();
}

TEST_F(LazyCacheTest, WhatDoesNotCompileIsNotKept) {
  {
    auto program =
        llvm::cantFail(compile(breakTask("many"), getOptions(cache)));
    EXPECT_EQ(call(*program, 3), "111");
  }
  EXPECT_TRUE(cache->list().empty());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("LLVM Translation failed"), std::string::npos);
}

/// Runs a function in a child, which ends as a program does.
template <typename Function> void runInChild(Function function) {
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::exit(function() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(LazyCacheTest, AProcessThatEndsKeepsWhatItCalled) {
  runInChild([&] {
    // Never destroyed, as by a host that does not bother.
    auto *program =
        llvm::cantFail(compile(kProgram, getOptions(cache))).release();
    return call(*program, 3) == "111";
  });
  expectHit();
}

TEST_F(LazyCacheTest, AChildMayCallWhatItsParentIsCompiling) {
  auto program = llvm::cantFail(compile(kProgram, getOptions(cache)));
  EXPECT_EQ(call(*program, 3), "111");
  runInChild([&] {
    bool isRight = call(*program, 5) == "22222" && call(*program, 2) == "11";
    program.reset();
    return isRight;
  });
  program.reset();
  expectHit();
}

} // namespace
