//===- ProgramTest.cpp - a program with kernels, from file to result ------===//
//
// Host code and a kernel, both written by hand, go through the whole chain: the
// emulator's rewriting, libraries, a .fovea file, the loader, the device table,
// the emulator.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Artefact.h"
#include "fovea/Driver/Compiler.h"
#include "fovea/Emulator/Rewrite.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "gtest/gtest.h"

#include <thread>

using namespace fovea;

namespace {

/// to[i] = 2 * from[i] for i < n by blocks of 32 threads; sets *status to 2 at
/// a negative element.
constexpr const char *kDevice = R"(
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()

define ptx_kernel void @twice(ptr addrspace(1) %from, ptr addrspace(1) %to,
                              i64 %n, ptr addrspace(1) %status) #0 {
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %cta = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %begin = mul i32 %cta, 32
  %i32 = add i32 %begin, %tid
  %i = zext i32 %i32 to i64
  %inside = icmp slt i64 %i, %n
  br i1 %inside, label %body, label %done
body:
  %pf = getelementptr float, ptr addrspace(1) %from, i64 %i
  %x = load float, ptr addrspace(1) %pf
  %y = fmul float %x, 2.0
  %pt = getelementptr float, ptr addrspace(1) %to, i64 %i
  store float %y, ptr addrspace(1) %pt
  %wrong = fcmp olt float %x, 0.0
  br i1 %wrong, label %complain, label %done
complain:
  store i32 2, ptr addrspace(1) %status
  br label %done
done:
  ret void
}
attributes #0 = { "target-cpu"="sm_80" "nvvm.reqntid"="32" }
)";

/// y = 4 * x, through memory of the device's pool; n is the size of y.
constexpr const char *kHost = R"(
@name = private constant [6 x i8] c"twice\00"
@m0 = private constant [7 x i8] c"unused\00"
@m1 = private constant [19 x i8] c"x: negative number\00"
@messages = private constant [2 x ptr] [ptr @m0, ptr @m1]

declare i32 @fovea_rt_launch(ptr, i64, i32, i64, ptr)
declare ptr @fovea_rt_device_alloc(i64)
declare void @fovea_rt_device_free(ptr)
declare ptr @fovea_rt_status(ptr, i32)

define i32 @fourfold(ptr %arguments, i32 %count, i32 %threads) {
  %x = load ptr, ptr %arguments
  %second = getelementptr i8, ptr %arguments, i64 144
  %y = load ptr, ptr %second
  %psize = getelementptr i8, ptr %second, i64 16
  %n = load i64, ptr %psize
  %bytes = mul i64 %n, 4
  %up = add i64 %n, 31
  %tasks = udiv i64 %up, 32
  %t = call ptr @fovea_rt_device_alloc(i64 %bytes)
  %s = call ptr @fovea_rt_status(ptr @messages, i32 2)
  %from = alloca ptr
  %to = alloca ptr
  %size = alloca i64
  %status = alloca ptr
  %p = alloca [4 x ptr]
  store i64 %n, ptr %size
  store ptr %s, ptr %status
  store ptr %from, ptr %p
  %p1 = getelementptr ptr, ptr %p, i64 1
  store ptr %to, ptr %p1
  %p2 = getelementptr ptr, ptr %p, i64 2
  store ptr %size, ptr %p2
  %p3 = getelementptr ptr, ptr %p, i64 3
  store ptr %status, ptr %p3
  store ptr %x, ptr %from
  store ptr %t, ptr %to
  %a = call i32 @fovea_rt_launch(ptr @name, i64 %tasks, i32 32, i64 0, ptr %p)
  store ptr %t, ptr %from
  store ptr %y, ptr %to
  %b = call i32 @fovea_rt_launch(ptr @name, i64 %tasks, i32 32, i64 0, ptr %p)
  call void @fovea_rt_device_free(ptr %t)
  %r = or i32 %a, %b
  ret i32 %r
}
)";

std::unique_ptr<llvm::Module> parseText(llvm::LLVMContext &context,
                                        const char *text) {
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(text, diagnostic, context);
  EXPECT_NE(module, nullptr) << diagnostic.getMessage().str();
  return module;
}

std::vector<Entry> makeEntries() {
  Entry entry;
  entry.name = "fourfold";
  Parameter x, y;
  x.name = "x";
  y.name = "y";
  x.shape = y.shape = {-1};
  Extent size;
  size.kind = Extent::Size;
  y.extents = {size};
  entry.inputs = {x};
  entry.outputs = {y};
  return {entry};
}

/// The whole file, made once.
const std::string &getFile() {
  static const std::string file = [] {
    llvm::LLVMContext context;
    auto device = parseText(context, kDevice);
    auto host = parseText(context, kHost);
    auto emulated = llvm::cantFail(rewriteForEmulation(*device));
    ArtefactTarget target;
    target.name = "emulated:sm_80";
    target.chip = "sm_80";
    target.host = llvm::cantFail(makeLoadableLibrary(*host));
    target.images = {
        {"emulated", "sm_80", llvm::cantFail(makeLoadableLibrary(*emulated))}};
    target.kernels = {{"twice", 32, 0, std::nullopt}};
    return llvm::cantFail(writeArtefact(makeEntries(), target));
  }();
  return file;
}

class ProgramTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    device = fovea_device_open(GetParam());
    ASSERT_NE(device, nullptr) << fovea_rt_last_error();
    program =
        fovea_program_open_memory(getFile().data(), getFile().size(), "f");
    ASSERT_NE(program, nullptr) << fovea_rt_last_error();
    ASSERT_EQ(fovea_program_load(program, device, nullptr), 0)
        << fovea_rt_last_error();
  }
  void TearDown() override {
    fovea_program_close(program);
    fovea_device_close(device);
  }

  /// Copies x there, calls, copies y back; what went wrong, or "".
  std::string run(const std::vector<float> &x, std::vector<float> &y,
                  fovea_stream *stream = nullptr);

  fovea_device *device = nullptr;
  fovea_program *program = nullptr;
};

std::string ProgramTest::run(const std::vector<float> &x, std::vector<float> &y,
                             fovea_stream *stream) {
  fovea_tensor arguments[2] = {};
  int64_t sizes[] = {int64_t(x.size()), int64_t(y.size())};
  for (int i = 0; i < 2; ++i) {
    arguments[i].data = fovea_device_alloc(device, sizes[i] * 4);
    arguments[i].rank = 1;
    arguments[i].sizes[0] = sizes[i];
    arguments[i].strides[0] = 1;
  }
  bool good = fovea_device_copy_in(device, arguments[0].data, x.data(),
                                   sizes[0] * 4, stream) == 0 &&
              fovea_program_call(program, "", stream, arguments, 2, 0) == 0 &&
              fovea_device_synchronize(device, stream) == 0 &&
              fovea_device_copy_out(device, y.data(), arguments[1].data,
                                    sizes[1] * 4, stream) == 0;
  std::string error = good ? "" : fovea_rt_last_error();
  fovea_device_free(device, arguments[0].data);
  fovea_device_free(device, arguments[1].data);
  return error;
}

std::vector<float> makeNumbers(size_t count, float first) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) {
    x[i] = first + float(i);
  }
  return x;
}

TEST_P(ProgramTest, RunsItsKernels) {
  EXPECT_STREQ(fovea_program_loaded(program), "emulated:sm_80");
  std::vector<float> x = makeNumbers(100, 0), y(100);
  ASSERT_EQ(run(x, y), "");
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], 4 * x[i]);
  }
  std::vector<float> none, alsoNone;
  EXPECT_EQ(run(none, alsoNone), "");
}

TEST_P(ProgramTest, ReportsWhatTheDataLacks) {
  std::vector<float> x = makeNumbers(40, -1), y(40);
  EXPECT_EQ(run(x, y), "x: negative number");
  x[0] = 0;
  EXPECT_EQ(run(x, y), ""); // the report is taken, not kept
}

TEST_P(ProgramTest, ReportsAccessOutsideOfMemory) {
  // 64 elements of y from 32 of x: the second block reads beyond x.
  std::vector<float> x = makeNumbers(32, 0), y(64);
  std::string error = run(x, y);
  EXPECT_NE(error.find("kernel 'twice': "), std::string::npos) << error;
  EXPECT_NE(error.find("load"), std::string::npos) << error;
}

TEST_P(ProgramTest, RunsOnStreamsOfSeveralThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      fovea_stream *stream = fovea_stream_open(device);
      std::vector<float> x = makeNumbers(70, float(t)), y(70);
      EXPECT_EQ(run(x, y, stream), "");
      EXPECT_EQ(y[69], 4 * x[69]);
      fovea_stream_close(stream);
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
}

TEST_P(ProgramTest, LeavesTheThreadAsItWasBound) {
  std::vector<float> x = makeNumbers(3, 0), y(3);
  ASSERT_EQ(run(x, y), "");
  EXPECT_NE(fovea_rt_launch("twice", 1, 32, 0, nullptr), 0);
  fovea_kernel_info info;
  ASSERT_EQ(
      fovea_module_kernel_info(fovea_program_module(program), "twice", &info),
      0);
  EXPECT_EQ(info.threads, 32);
}

INSTANTIATE_TEST_SUITE_P(Schedules, ProgramTest,
                         testing::Values("emulated", "emulated:early,lifo",
                                         "emulated:late,random:3,race"));

TEST(ProgramTargetsTest, KernelsForADeviceDoNotRunOnACpu) {
  fovea_program *program =
      fovea_program_open_memory(getFile().data(), getFile().size(), "f");
  ASSERT_NE(program, nullptr);
  EXPECT_NE(fovea_program_load(program, nullptr, nullptr), 0);
  EXPECT_STREQ(fovea_rt_last_error(), "'f': expected code that runs on this "
                                      "CPU, got emulated:sm_80");
  fovea_program_close(program);
}

} // namespace
