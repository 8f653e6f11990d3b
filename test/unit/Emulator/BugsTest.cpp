//===- BugsTest.cpp - Wrong kernels, and what is said about them ----------===//

#include "Emulated.h"

#include "gtest/gtest.h"

using namespace fovea::test;

namespace {

/// A kernel of one or more warps with the given body; %tid and %lane are set,
/// @near is dynamic near memory.
std::string makeKernel(const std::string &body) {
  return "target triple = \"nvptx64-nvidia-cuda\"\n"
         "@near = external addrspace(3) global [0 x i8], align 16\n"
         "define ptx_kernel void @wrong(ptr addrspace(1) %out) "
         "\"target-cpu\"=\"sm_80\" {\n"
         "  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()\n"
         "  %lane = call i32 @llvm.nvvm.read.ptx.sreg.laneid()\n" +
         body + "  ret void\n}\n";
}

void expectReport(const std::string &text, uint32_t threads, uint32_t nearBytes,
                  const char *options,
                  std::initializer_list<const char *> words,
                  uint32_t blocks = 1) {
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error << text;
  Buffer<int32_t> out(64);
  std::string report =
      emulated->launch(blocks, threads, nearBytes, {out.data()}, options);
  for (const char *word : words) {
    EXPECT_NE(report.find(word), std::string::npos)
        << "expected '" << word << "' in: " << report;
  }
  EXPECT_EQ(emulated->launch(blocks, threads, nearBytes, {out.data()}, options),
            report);
}

TEST(Bug, ShuffleByHalfAWarp) {
  std::string text = makeKernel(
      "  %low = icmp ult i32 %lane, 16\n"
      "  br i1 %low, label %shuffle, label %end\n"
      "shuffle:\n"
      "  %r = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %tid, i32 1, "
      "i32 31)\n"
      "  br label %end\nend:\n");
  for (const char *options : {"fifo", "lifo", "random:3"}) {
    expectReport(text, 32, 0, options,
                 {"wrong, block (0, 0, 0)", "warp 0 is incomplete at",
                  "llvm.nvvm.shfl.sync.bfly.i32 at @wrong:",
                  "lanes 0xffff of 0xffffffff", "threads 16 to 31 have ended"});
  }
}

TEST(Bug, BarrierInOneWarpOnlyNeverEnds) {
  // The other warp waits at a barrier of its own.
  std::string text =
      makeKernel("  %first = icmp ult i32 %tid, 32\n"
                 "  br i1 %first, label %a, label %b\n"
                 "a:\n"
                 "  call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 1, "
                 "i32 64)\n  br label %end\n"
                 "b:\n"
                 "  call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 2, "
                 "i32 64)\n  br label %end\nend:\n");
  expectReport(text, 64, 0, "fifo",
               {"deadlock: threads 0 to 31 wait in "
                "llvm.nvvm.barrier.cta.sync.aligned.count at @wrong:",
                "threads 32 to 63 wait in"});
}

TEST(Bug, NearMemoryOutOfRange) {
  std::string text =
      makeKernel("  %at = shl i32 %tid, 2\n"
                 "  %p = getelementptr i8, ptr addrspace(3) @near, i32 %at\n"
                 "  store i32 %tid, ptr addrspace(3) %p\n");
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<int32_t> out(1);
  EXPECT_EQ(emulated->launch(1, 32, 128, {out.data()}, "race"), "");
  expectReport(text, 32, 120, "lifo",
               {"store at @wrong:", "thread 31 (warp 0, lane 31)",
                "touches bytes 124 to 127 of near memory, which has 120"});
}

TEST(Bug, GlobalMemoryOutOfRange) {
  // Item 64 of a buffer of 64.
  std::string text =
      makeKernel("  %n = add i32 %tid, 33\n"
                 "  %p = getelementptr i32, ptr addrspace(1) %out, i32 %n\n"
                 "  store i32 %tid, ptr addrspace(1) %p\n");
  expectReport(text, 32, 0, "fifo",
               {"store at @wrong:", "thread 31 (warp 0, lane 31)",
                "touches byte 256 of device memory of 256 bytes"});
  std::string before =
      makeKernel("  %n = sub i32 30, %tid\n"
                 "  %p = getelementptr i32, ptr addrspace(1) %out, i32 %n\n"
                 "  %v = load i32, ptr addrspace(1) %p\n"
                 "  store i32 %v, ptr addrspace(1) %out\n");
  // One page in front of the buffer belongs to it by 4096 - 256 bytes.
  expectReport(before, 1024, 0, "fifo",
               {"load at @wrong:", "bytes before device memory of 256 bytes"});
}

TEST(Bug, FreedMemoryIsNamed) {
  std::string error;
  auto emulated = Emulated::load(
      makeKernel("  store i32 %tid, ptr addrspace(1) %out\n"), error);
  ASSERT_TRUE(emulated) << error;
  void *memory = fovea_emu_alloc(64);
  fovea_emu_free(memory);
  std::string report = emulated->launch(1, 1, 0, {memory}, "");
  EXPECT_NE(report.find("touches freed device memory of 64 bytes"),
            std::string::npos)
      << report;
}

TEST(Bug, CopyFromOutOfRange) {
  std::string text = makeKernel(
      "  %p = getelementptr i8, ptr addrspace(1) %out, i32 256\n"
      "  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) "
      "@near, ptr addrspace(1) %p)\n"
      "  call void @llvm.nvvm.cp.async.wait.all()\n");
  for (const char *options : {"late", "early"}) {
    expectReport(text, 1, 64, options,
                 {"llvm.nvvm.cp.async.cg.shared.global.16 at @wrong:",
                  "touches byte 256 of device memory"});
  }
}

TEST(Bug, MisalignedRowOfAMatrix) {
  std::string text = makeKernel(
      "  %at = shl i32 %lane, 3\n"
      "  %p = getelementptr i8, ptr addrspace(3) @near, i32 %at\n"
      "  %r = call i32 @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x1.b16.p3(ptr "
      "addrspace(3) %p)\n");
  expectReport(text, 32, 1024, "fifo",
               {"llvm.nvvm.ldmatrix", "is not aligned to 16", "lane 1)"});
}

TEST(Bug, LanesOfAWarpThatDoNotMeet) {
  // Each lane reads its neighbour's word without a barrier between them.
  auto text = [](const char *between) {
    return makeKernel(
        "  %at = shl i32 %lane, 2\n"
        "  %p = getelementptr i8, ptr addrspace(3) @near, i32 %at\n"
        "  store i32 %tid, ptr addrspace(3) %p\n" +
        std::string(between) +
        "  %n = xor i32 %at, 4\n"
        "  %q = getelementptr i8, ptr addrspace(3) @near, i32 %n\n"
        "  %v = load i32, ptr addrspace(3) %q\n"
        "  %o = getelementptr i8, ptr addrspace(1) %out, i32 %at\n"
        "  store i32 %v, ptr addrspace(1) %o\n");
  };
  expectReport(text(""), 32, 128, "race",
               {"race on byte", "is not ordered after"});
  std::string error;
  auto right = Emulated::load(
      text("  call void @llvm.nvvm.bar.warp.sync(i32 -1)\n"), error);
  ASSERT_TRUE(right) << error;
  Buffer<int32_t> out(32);
  EXPECT_EQ(right->launch(1, 32, 128, {out.data()}, "race"), "");
  EXPECT_EQ(out[6], 7);
}

TEST(Bug, HalvesOfAWordDoNotRace) {
  // Lanes write the two halves of each word; nothing is shared.
  std::string text =
      makeKernel("  %at = shl i32 %tid, 1\n"
                 "  %p = getelementptr i8, ptr addrspace(3) @near, i32 %at\n"
                 "  %v = trunc i32 %tid to i16\n"
                 "  store i16 %v, ptr addrspace(3) %p\n"
                 "  %w = load i16, ptr addrspace(3) %p\n");
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<int32_t> out(1);
  for (const char *options : {"race", "lifo,race", "random:8,race"}) {
    EXPECT_EQ(emulated->launch(1, 64, 128, {out.data()}, options), "");
  }
}

/// A flag in near memory orders what comes before its store and after its
/// load; without the flag the same accesses race.
std::string makeHandOver(bool waits) {
  return makeKernel(
      "  %flag = getelementptr i8, ptr addrspace(3) @near, i32 64\n"
      "  %init = icmp eq i32 %tid, 0\n"
      "  br i1 %init, label %zero, label %start\n"
      "zero:\n"
      "  store i32 0, ptr addrspace(3) %flag\n"
      "  br label %start\n"
      "start:\n"
      "  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)\n"
      "  br i1 %init, label %give, label %second\n"
      "give:\n"
      "  store i32 42, ptr addrspace(3) @near\n"
      "  store atomic i32 1, ptr addrspace(3) %flag release, align 4\n"
      "  br label %end\n"
      "second:\n"
      "  %is = icmp eq i32 %tid, 32\n"
      "  br i1 %is, label %poll, label %end\n"
      "poll:\n" +
      std::string(waits ? "  %f = load atomic i32, ptr addrspace(3) %flag "
                          "acquire, align 4\n"
                          "  %set = icmp eq i32 %f, 1\n"
                          "  br i1 %set, label %take, label %poll\n"
                        : "  br label %take\n") +
      "take:\n"
      "  %v = load i32, ptr addrspace(3) @near\n"
      "  store i32 %v, ptr addrspace(1) %out\n"
      "  br label %end\nend:\n");
}

TEST(Bug, FlagsOrderWhatTheyGuard) {
  std::string error;
  auto right = Emulated::load(makeHandOver(true), error);
  ASSERT_TRUE(right) << error;
  for (const char *options : {"race", "lifo,race", "random:8,race"}) {
    Buffer<int32_t> out(1);
    EXPECT_EQ(right->launch(1, 64, 128, {out.data()}, options), "") << options;
    EXPECT_EQ(out[0], 42);
  }
  expectReport(makeHandOver(false), 64, 128, "race",
               {"race on byte 0 of near memory"});
}

TEST(Bug, PollingForWhatNeverComes) {
  std::string text = makeKernel(
      "  br label %poll\n"
      "poll:\n"
      "  %f = load atomic i32, ptr addrspace(1) %out acquire, align 4\n"
      "  %set = icmp eq i32 %f, 12345\n"
      "  br i1 %set, label %end, label %poll\nend:\n");
  expectReport(text, 1, 0, "fifo", {"polled", "times for what no other"});
}

TEST(Bug, LowestFailingBlockIsReported) {
  // Blocks from 5 on trap; several host threads run them.
  std::string text =
      makeKernel("  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()\n"
                 "  %bad = icmp uge i32 %b, 5\n"
                 "  br i1 %bad, label %trap, label %end\n"
                 "trap:\n  call void @llvm.trap()\n  unreachable\nend:\n");
  expectReport(text, 32, 0, "random:5",
               {"wrong, block (5, 0, 0): llvm.trap at @wrong:"}, 64);
}

TEST(Bug, StackOverflowIsAReport) {
  std::string text = makeKernel("  %big = alloca [400000 x i8]\n"
                                "  store volatile i8 1, ptr %big\n");
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<int32_t> out(1);
  EXPECT_NE(emulated->launch(1, 1, 0, {out.data()}, ""), "");
  EXPECT_EQ(emulated->launch(1, 1, 0, {out.data()}, "").substr(0, 5), "wrong");
}

TEST(Bug, LocationsComeFromDebugInformation) {
  std::string text =
      "target triple = \"nvptx64-nvidia-cuda\"\n"
      "define ptx_kernel void @wrong(ptr addrspace(1) %out) "
      "\"target-cpu\"=\"sm_80\" !dbg !4 {\n"
      "  call void @llvm.trap(), !dbg !7\n  ret void, !dbg !7\n}\n"
      "!llvm.dbg.cu = !{!0}\n!llvm.module.flags = !{!2}\n"
      "!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, "
      "emissionKind: "
      "LineTablesOnly)\n"
      "!1 = !DIFile(filename: \"attention.mlir\", directory: \"\")\n"
      "!2 = !{i32 2, !\"Debug Info Version\", i32 3}\n"
      "!4 = distinct !DISubprogram(name: \"wrong\", file: !1, line: 3, type: "
      "!5, "
      "unit: !0, spFlags: DISPFlagDefinition)\n"
      "!5 = !DISubroutineType(types: !6)\n!6 = !{null}\n"
      "!7 = !DILocation(line: 17, column: 5, scope: !4)\n";
  expectReport(text, 1, 0, "", {"llvm.trap at attention.mlir:17:5"});
}

//===----------------------------------------------------------------------===//
// Launches that cannot be
//===----------------------------------------------------------------------===//

TEST(Launch, RefusesWhatTheKernelForbids) {
  std::string text = readInput("product-mfma.ll"), error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  EXPECT_EQ(emulated->launch(1, 64, 0, {nullptr, nullptr, nullptr}, ""),
            "product: expected 128 threads per block, got 64");
  EXPECT_EQ(emulated->launch(1, 2048, 0, {nullptr, nullptr, nullptr}, ""),
            "product: expected 1 to 1024 threads per block, got 2048");
  EXPECT_EQ(emulated->launch(1, 128, 1 << 20, {nullptr, nullptr, nullptr}, ""),
            "product: expected at most 1 MiB of near memory, got 1050112");
  EXPECT_EQ(emulated->launch(1, 128, 0, {}, "", 1),
            "emulated module: expected the index of one of its kernels, got 1");
  EXPECT_EQ(emulated->launch(1, 128, 0, {}, "late,loud"),
            "emulated device: expected late, early, fifo, lifo, random, "
            "random:SEED, race or norace, got 'loud'");
  EXPECT_EQ(emulated->getImage().lanes, 64);
  EXPECT_STREQ(emulated->getImage().chip, "gfx942");
}

TEST(Launch, ModulesThatAreNotForAGpuAreRefused) {
  std::string error;
  EXPECT_FALSE(Emulated::load("define void @f() {\n  ret void\n}\n", error));
  EXPECT_NE(error.find("expected a module for an nvptx64 or amdgcn triple"),
            std::string::npos);
  error.clear();
  EXPECT_FALSE(Emulated::load("target triple = \"nvptx64-nvidia-cuda\"\n"
                              "define void @f() {\n  ret void\n}\n",
                              error));
  EXPECT_EQ(error, "expected a module with a kernel, got none");
  error.clear();
  EXPECT_FALSE(Emulated::load("target triple = \"nvptx64-nvidia-cuda\"\n"
                              "declare void @g()\n"
                              "define ptx_kernel void @f() {\n"
                              "  call void @g()\n  ret void\n}\n",
                              error, "sm_80"));
  EXPECT_EQ(error, "call at @f:1: expected a function of the module, got 'g'");
}

TEST(Launch, ArgumentsArriveWhateverTheirType) {
  std::string text =
      "target triple = \"nvptx64-nvidia-cuda\"\n"
      "define ptx_kernel void @sum(ptr addrspace(1) %out, i64 %a, i64 %b, ptr "
      "byval([2 x i64]) %c) \"target-cpu\"=\"sm_80\" {\n"
      "  %s = add i64 %a, %b\n"
      "  %p = getelementptr i64, ptr %c, i64 1\n"
      "  %v = load i64, ptr %p\n"
      "  %t = add i64 %s, %v\n"
      "  store i64 %t, ptr addrspace(1) %out\n  ret void\n}\n";
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<int64_t> out(1);
  // The last argument lies in the list itself: its second word is what follows
  // it, here a fifth value.
  EXPECT_EQ(emulated->launch(1, 1, 0,
                             {out.data(), reinterpret_cast<void *>(30),
                              reinterpret_cast<void *>(4), nullptr,
                              reinterpret_cast<void *>(700)},
                             ""),
            "");
  EXPECT_EQ(out[0], 734);
}

} // namespace
