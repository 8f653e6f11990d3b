//===- OpsTest.cpp - Operations between lanes, conversions, buffers -------===//

#include "Emulated.h"

#include "fovea/Support/FloatConvert.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace fovea;
using namespace fovea::test;

namespace {

/// A kernel that makes %r (i32) of %x = in[thread] and %lane, and stores it in
/// out[thread].
std::string makeKernel(bool amd, const std::string &chip,
                       const std::string &body) {
  return std::string("target triple = \"") +
         (amd ? "amdgcn-amd-amdhsa" : "nvptx64-nvidia-cuda") + "\"\ndefine " +
         (amd ? "amdgpu_kernel" : "ptx_kernel") +
         " void @op(ptr addrspace(1) %in, ptr addrspace(1) %out) "
         "\"target-cpu\"=\"" +
         chip + "\" {\n  %tid = call i32 @llvm." +
         (amd ? "amdgcn.workitem.id.x" : "nvvm.read.ptx.sreg.tid.x") +
         "()\n"
         "  %pin = getelementptr i32, ptr addrspace(1) %in, i32 %tid\n"
         "  %x = load i32, ptr addrspace(1) %pin\n" +
         body +
         "  %pout = getelementptr i32, ptr addrspace(1) %out, i32 %tid\n"
         "  store i32 %r, ptr addrspace(1) %pout\n"
         "  ret void\n}\n";
}

/// As makeKernel, with a variable @near of a type in near memory.
std::string makeKernelWithNear(const std::string &type, bool amd,
                               const std::string &chip,
                               const std::string &body) {
  return makeKernel(amd, chip, body) + "@near = internal addrspace(3) global " +
         type + " poison, align 16\n";
}

/// Runs the kernel with in[i] = input(i) and compares out[i] with expected(i).
void expectLanes(const std::string &text, int threads,
                 llvm::function_ref<uint32_t(int)> input,
                 llvm::function_ref<uint32_t(int)> expected) {
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error << "\n" << text;
  for (const char *options :
       {"late,fifo", "late,lifo", "early,random:3,race"}) {
    Buffer<uint32_t> in(threads), out(threads);
    for (int i = 0; i < threads; ++i) {
      in[i] = input(i);
    }
    ASSERT_EQ(emulated->launch(1, threads, 0, {in.data(), out.data()}, options),
              "")
        << text;
    for (int i = 0; i < threads; ++i) {
      EXPECT_EQ(out[i], expected(i)) << "thread " << i << " of\n" << text;
    }
  }
}

uint32_t tagged(int i) { return 1000 + uint32_t(i); }

void expectNvidia(const std::string &body,
                  llvm::function_ref<uint32_t(int)> expected,
                  llvm::function_ref<uint32_t(int)> input = tagged) {
  expectLanes(makeKernel(false, "sm_80", body), 32, input, expected);
}
void expectAmd(const std::string &body,
               llvm::function_ref<uint32_t(int)> expected,
               llvm::function_ref<uint32_t(int)> input = tagged,
               const std::string &chip = "gfx942") {
  int lanes = chip.compare(0, 4, "gfx9") == 0 ? 64 : 32;
  expectLanes(makeKernel(true, chip, body), lanes, input, expected);
}

std::string shuffle(const std::string &kind, int by, int clamp) {
  return "  %r = call i32 @llvm.nvvm.shfl.sync." + kind +
         ".i32(i32 -1, i32 %x, i32 " + std::to_string(by) + ", i32 " +
         std::to_string(clamp) + ")\n";
}

TEST(Nvidia, ShufflesOfAWholeWarp) {
  expectNvidia(shuffle("bfly", 5, 31), [](int i) { return tagged(i ^ 5); });
  expectNvidia(shuffle("idx", 7, 31), [](int) { return tagged(7); });
  expectNvidia(shuffle("up", 3, 0),
               [](int i) { return tagged(i >= 3 ? i - 3 : i); });
  expectNvidia(shuffle("down", 3, 31),
               [](int i) { return tagged(i + 3 < 32 ? i + 3 : i); });
}

TEST(Nvidia, ShufflesWithinEightLanes) {
  // Segments of 8: mask 24 in bits 12:8, and 7 as the last lane of a segment.
  expectNvidia(shuffle("idx", 2, 24 << 8 | 31),
               [](int i) { return tagged((i & ~7) | 2); });
  expectNvidia(shuffle("down", 3, 24 << 8 | 7),
               [](int i) { return tagged(i % 8 + 3 < 8 ? i + 3 : i); });
}

TEST(Nvidia, ShuffleSaysWhetherItsLaneWasInRange) {
  expectNvidia(
      "  %p = call { i32, i1 } @llvm.nvvm.shfl.sync.down.i32p(i32 -1, i32 %x, "
      "i32 4, i32 31)\n"
      "  %v = extractvalue { i32, i1 } %p, 1\n"
      "  %r = zext i1 %v to i32\n",
      [](int i) { return uint32_t(i + 4 < 32); });
}

TEST(Nvidia, VotesMatchesAndReductions) {
  const std::string odd = "  %b = and i32 %x, 1\n"
                          "  %p = icmp eq i32 %b, 1\n";
  expectNvidia(odd + "  %r = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 "
                     "%p)\n",
               [](int) { return 0xaaaaaaaau; });
  expectNvidia(odd + "  %v = call i1 @llvm.nvvm.vote.any.sync(i32 -1, i1 %p)\n"
                     "  %w = call i1 @llvm.nvvm.vote.all.sync(i32 -1, i1 %p)\n"
                     "  %vi = zext i1 %v to i32\n  %wi = zext i1 %w to i32\n"
                     "  %w2 = shl i32 %wi, 1\n  %r = or i32 %vi, %w2\n",
               [](int) { return 1u; });
  expectNvidia("  %h = lshr i32 %x, 3\n"
               "  %r = call i32 @llvm.nvvm.match.any.sync.i32(i32 -1, i32 %h)"
               "\n",
               [](int i) { return 0xffu << (i / 8 * 8); });
  expectNvidia("  %r = call i32 @llvm.nvvm.redux.sync.add(i32 %x, i32 -1)\n",
               [](int) { return 32 * 1000 + 31 * 16u; });
  expectNvidia("  %r = call i32 @llvm.nvvm.redux.sync.umax(i32 %x, i32 -1)\n",
               [](int) { return 1031u; });
}

TEST(Nvidia, PermuteAndRegisters) {
  expectNvidia("  %r = call i32 @llvm.nvvm.prmt(i32 %x, i32 287454020, i32 "
               "20817)\n",
               // Selector 0x5151: bytes 1 of x, 1 of the constant 0x11223344.
               [](int i) {
                 uint32_t low = (tagged(i) >> 8) & 255, high = 0x33;
                 return low | high << 8 | low << 16 | high << 24;
               });
  expectNvidia("  %l = call i32 @llvm.nvvm.read.ptx.sreg.laneid()\n"
               "  %n = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()\n"
               "  %n8 = shl i32 %n, 8\n  %r = or i32 %l, %n8\n",
               [](int i) { return uint32_t(i) | 32 << 8; });
}

uint32_t bits(float value) {
  uint32_t result;
  memcpy(&result, &value, 4);
  return result;
}

TEST(Nvidia, ApproximateFunctionsAndExtrema) {
  auto input = [](int i) { return bits(0.25f * float(i + 1)); };
  auto unary = [](const char *name) {
    return "  %f = bitcast i32 %x to float\n  %g = call float @llvm.nvvm." +
           std::string(name) + "(float %f)\n  %r = bitcast float %g to i32\n";
  };
  auto value = [](int i) { return 0.25 * (i + 1); };
  expectNvidia(
      unary("ex2.approx.ftz.f32"),
      [&](int i) { return bits(float(exp2(value(i)))); }, input);
  expectNvidia(
      unary("lg2.approx.f"), [&](int i) { return bits(float(log2(value(i)))); },
      input);
  expectNvidia(
      unary("rcp.approx.ftz.f"),
      [&](int i) { return bits(float(1 / value(i))); }, input);
  expectNvidia(
      unary("rsqrt.approx.f"),
      [&](int i) { return bits(float(1 / sqrt(value(i)))); }, input);
  const std::string largest = "  %f = bitcast i32 %x to float\n"
                              "  %g = call float @llvm.nvvm.fmax.f(float %f, "
                              "float 2.0)\n  %r = bitcast float %g to i32\n";
  auto nanEvery4 = [&](int i) { return i % 4 ? input(i) : 0x7fc00000u; };
  expectNvidia(
      largest,
      [&](int i) {
        return bits(i % 4 ? float(std::max(value(i), 2.0)) : 2.0f);
      },
      nanEvery4);
}

TEST(Nvidia, PairsOfHalvesAndBytes) {
  auto input = [](int i) { return bits(float(i - 16) / 8); };
  expectNvidia(
      "  %f = bitcast i32 %x to float\n"
      "  %v = call <2 x bfloat> @llvm.nvvm.ff2bf16x2.rn(float %f, "
      "float 1.0)\n  %r = bitcast <2 x bfloat> %v to i32\n",
      [](int i) {
        return uint32_t(floatToBF16(float(i - 16) / 8)) << 16 | 0x3f80;
      },
      input);
  expectNvidia(
      "  %f = bitcast i32 %x to float\n"
      "  %v = call i16 @llvm.nvvm.ff.to.e4m3x2.rn(float %f, float "
      "1.0)\n  %h = call <2 x half> @llvm.nvvm.e4m3x2.to.f16x2.rn("
      "i16 %v)\n  %r = bitcast <2 x half> %h to i32\n",
      // Eighths up to 2 are exact in e4m3.
      [](int i) {
        return uint32_t(floatToHalf(float(i - 16) / 8)) << 16 | 0x3c00;
      },
      input);
}

TEST(Nvidia, StoredMatrixIsTheLoadedOneTransposed) {
  // A matrix of 8 x 8 halves goes through near memory: stmatrix, ldmatrix.trans
  // and back by plain lane arithmetic.
  std::string text = makeKernelWithNear(
      "[64 x half]", false, "sm_90",
      "  %row = and i32 %tid, 7\n"
      "  %at = shl i32 %row, 3\n"
      "  %p = getelementptr half, ptr addrspace(3) @near, i32 %at\n"
      "  call void @llvm.nvvm.stmatrix.sync.aligned.m8n8.x1.b16.p3(ptr "
      "addrspace(3) %p, i32 %x)\n"
      "  call void @llvm.nvvm.bar.warp.sync(i32 -1)\n"
      "  %r = call i32 @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x1.trans.b16."
      "p3(ptr addrspace(3) %p)\n");
  // Lane l holds elements (l / 4, 2 * (l % 4)) and the next of the matrix
  // whose element (r, c) is 8 * r + c.
  auto element = [](int row, int column) { return uint32_t(8 * row + column); };
  expectLanes(
      text, 32,
      [&](int i) {
        int row = i / 4, column = i % 4 * 2;
        return element(row, column) | element(row, column + 1) << 16;
      },
      [&](int i) {
        int row = i / 4, column = i % 4 * 2;
        return element(column, row) | element(column + 1, row) << 16;
      });
}

//===----------------------------------------------------------------------===//
// AMD
//===----------------------------------------------------------------------===//

std::string dpp(int control, int rowMask = 15, int bankMask = 15,
                bool zero = false) {
  return "  %r = call i32 @llvm.amdgcn.update.dpp.i32(i32 7, i32 %x, i32 " +
         std::to_string(control) + ", i32 " + std::to_string(rowMask) +
         ", i32 " + std::to_string(bankMask) + ", i1 " +
         (zero ? "true" : "false") + ")\n";
}

TEST(Amd, DataParallelPrimitives) {
  // quad_perm [1, 0, 3, 2].
  expectAmd(dpp(0xb1), [](int i) { return tagged(i ^ 1); });
  expectAmd(dpp(0x111), // row_shr:1
            [](int i) { return i % 16 ? tagged(i - 1) : 7; });
  expectAmd(dpp(0x102, 15, 15, true), // row_shl:2
            [](int i) { return i % 16 < 14 ? tagged(i + 2) : 0; });
  expectAmd(dpp(0x128), // row_ror:8
            [](int i) { return tagged((i & ~15) | ((i + 8) & 15)); });
  expectAmd(dpp(0x140), [](int i) { return tagged(i ^ 15); });
  expectAmd(dpp(0x141), [](int i) { return tagged(i ^ 7); });
  expectAmd(dpp(0x142), // row_bcast:15
            [](int i) { return i < 16 ? 7 : tagged((i & ~15) - 1); });
  expectAmd(dpp(0x143), // row_bcast:31
            [](int i) { return i < 32 ? 7 : tagged(31); });
  expectAmd(dpp(0xb1, 0b0010), // Only lanes 16 to 31.
            [](int i) { return i / 16 == 1 ? tagged(i ^ 1) : 7; });
  expectAmd(dpp(0xb1, 15, 0b1000), // Only the last four of each row.
            [](int i) { return i % 16 >= 12 ? tagged(i ^ 1) : 7; });
}

TEST(Amd, PermutesAndSwizzles) {
  expectAmd("  %n = xor i32 %tid, 33\n  %a = shl i32 %n, 2\n"
            "  %r = call i32 @llvm.amdgcn.ds.bpermute(i32 %a, i32 %x)\n",
            [](int i) { return tagged(i ^ 33); });
  expectAmd("  %n = add i32 %tid, 5\n  %a = shl i32 %n, 2\n"
            "  %r = call i32 @llvm.amdgcn.ds.permute(i32 %a, i32 %x)\n",
            [](int i) { return tagged((i + 59) % 64); });
  // xor mask 16, and mask 31.
  expectAmd("  %r = call i32 @llvm.amdgcn.ds.swizzle(i32 %x, i32 16415)\n",
            [](int i) { return tagged(i ^ 16); });
  expectAmd("  %r = call i32 @llvm.amdgcn.ds.swizzle(i32 %x, i32 32795)\n",
            // Quads 3 2 1 0: fields 3, 2, 1, 0 from the lowest: 0x1b.
            [](int i) { return tagged(i ^ 3); });
  expectAmd("  %r = call i32 @llvm.amdgcn.readlane.i32(i32 %x, i32 9)\n",
            [](int) { return tagged(9); });
  expectAmd("  %r = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %x)\n",
            [](int) { return tagged(0); });
  expectAmd("  %r = call i32 @llvm.amdgcn.writelane.i32(i32 77, i32 5, i32 "
            "%x)\n",
            [](int i) { return i == 5 ? 77 : tagged(i); });
}

TEST(Amd, SwapsOfBlocks) {
  const char *body =
      "  %y = add i32 %x, 1000\n"
      "  %p = call { i32, i32 } @llvm.amdgcn.permlane%d.swap(i32 %x, i32 %y, "
      "i1 false, i1 false)\n  %r = extractvalue { i32, i32 } %p, ";
  auto swap = [&](int size, int which) {
    std::string text = body;
    text.replace(text.find("%d"), 2, std::to_string(size));
    return text + std::to_string(which) + "\n";
  };
  for (int size : {16, 32}) {
    expectAmd(
        swap(size, 0),
        [&](int i) {
          return i / size % 2 ? tagged(i - size) + 1000 : tagged(i);
        },
        tagged, "gfx950");
    expectAmd(
        swap(size, 1),
        [&](int i) {
          return i / size % 2 ? tagged(i) + 1000 : tagged(i + size);
        },
        tagged, "gfx950");
  }
}

TEST(Amd, RowsOfRdna) {
  // Lane i of a row reads lane 15 - i: nibbles f, e, d, ...
  const std::string call =
      "16.i32(i32 0, i32 %x, i32 -1985229329, i32 19088743, i1 false, i1 "
      "false)\n";
  auto mirrored = [](int i) { return (i & ~15) | (15 - (i & 15)); };
  expectAmd(
      "  %r = call i32 @llvm.amdgcn.permlane" + call,
      [&](int i) { return tagged(mirrored(i)); }, tagged, "gfx1100");
  expectAmd(
      "  %r = call i32 @llvm.amdgcn.permlanex" + call,
      [&](int i) { return tagged(mirrored(i) ^ 16); }, tagged, "gfx1201");
}

TEST(Amd, LanesInDifferentBranches) {
  // Lanes below 8 leave the loop first; readfirstlane sees who is left.
  expectAmd("  br label %loop\n"
            "loop:\n"
            "  %n = phi i32 [ 0, %0 ], [ %next, %loop ]\n"
            "  %first = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %x)\n"
            "  %next = add i32 %n, 8\n"
            "  %more = icmp ule i32 %next, %tid\n"
            "  br i1 %more, label %loop, label %done\n"
            "done:\n"
            "  %all = call i64 @llvm.amdgcn.ballot.i64(i1 true)\n"
            "  %some = trunc i64 %all to i32\n"
            "  %bit = and i32 %some, 1\n"
            "  %r = add i32 %first, %bit\n",
            [](int i) { return tagged(i / 8 * 8) + 1; });
}

TEST(Amd, BuffersCheckTheirRange) {
  // A buffer of 40 words; what lies behind reads as 0 and is not written.
  std::string text = makeKernel(
      true, "gfx942",
      "  %b = call ptr addrspace(8) @llvm.amdgcn.make.buffer.rsrc.p8.p1(ptr "
      "addrspace(1) %in, i16 0, i64 160, i32 0)\n"
      "  %o = shl i32 %tid, 2\n"
      "  %r = call i32 @llvm.amdgcn.raw.ptr.buffer.load.i32(ptr addrspace(8) "
      "%b, i32 %o, i32 0, i32 0)\n"
      "  %x2 = add i32 %x, 1\n"
      "  call void @llvm.amdgcn.raw.ptr.buffer.store.i32(i32 %x2, ptr "
      "addrspace(8) %b, i32 %o, i32 0, i32 0)\n");
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<uint32_t> in(64), out(64);
  for (int i = 0; i < 64; ++i) {
    in[i] = tagged(i);
  }
  ASSERT_EQ(emulated->launch(1, 64, 0, {in.data(), out.data()}, ""), "");
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(out[i], i < 40 ? tagged(i) : 0) << i;
    EXPECT_EQ(in[i], i < 40 ? tagged(i) + 1 : tagged(i)) << i;
  }
}

TEST(Amd, CopiesToLdsLandAtTheirWait) {
  auto kernel = [](const std::string &wait) {
    return makeKernelWithNear(
        "[64 x i32]", true, "gfx942",
        "  call void @llvm.amdgcn.global.load.lds(ptr addrspace(1) "
        "%pin, "
        "ptr addrspace(3) @near, i32 4, i32 0, i32 0)\n" +
            wait +
            "  call void @llvm.amdgcn.s.barrier()\n"
            "  %other = xor i32 %tid, 1\n"
            "  %p = getelementptr i32, ptr addrspace(3) @near, i32 "
            "%other\n"
            "  %r = load i32, ptr addrspace(3) %p\n");
  };
  // vmcnt(0), all other counters left at their most.
  std::string waited = kernel("  call void @llvm.amdgcn.s.waitcnt(i32 3952)\n");
  expectLanes(waited, 64, tagged, [](int i) { return tagged(i ^ 1); });
  std::string error;
  auto bad = Emulated::load(kernel(""), error);
  ASSERT_TRUE(bad) << error;
  Buffer<uint32_t> in(64), out(64);
  std::string report =
      bad->launch(1, 64, 0, {in.data(), out.data()}, "early,race");
  EXPECT_NE(report.find("comes before the wait for llvm.amdgcn.global.load"),
            std::string::npos)
      << report;
}

TEST(Amd, TransposingRead) {
  // Four rows of 16 halves per 16 lanes, element (r, c) = 16 * r + c + 64 * g.
  std::string text = makeKernelWithNear(
      "[256 x i16]", true, "gfx950",
      "  %at = shl i32 %tid, 2\n"
      "  %p = getelementptr i16, ptr addrspace(3) @near, i32 %at\n"
      "  %v0 = insertelement <4 x i32> poison, i32 %at, i32 0\n"
      "  %v1 = shufflevector <4 x i32> %v0, <4 x i32> poison, <4 x "
      "i32> zeroinitializer\n"
      "  %v2 = add <4 x i32> %v1, <i32 0, i32 1, i32 2, i32 3>\n"
      "  %v = trunc <4 x i32> %v2 to <4 x i16>\n"
      "  store <4 x i16> %v, ptr addrspace(3) %p\n"
      "  call void @llvm.amdgcn.s.barrier()\n"
      "  %t = call <4 x i16> @llvm.amdgcn.ds.read.tr16.b64.v4i16("
      "ptr addrspace(3) %p)\n"
      "  %e = extractelement <4 x i16> %t, i32 2\n"
      "  %r = zext i16 %e to i32\n");
  expectLanes(text, 64, tagged,
              [](int i) { return uint32_t(64 * (i / 16) + 16 * 2 + i % 16); });
}

TEST(Amd, SplitBarrierOfGfx12) {
  std::string text = makeKernelWithNear(
      "[128 x i32]", true, "gfx1201",
      "  %p = getelementptr i32, ptr addrspace(3) @near, i32 %tid\n"
      "  store i32 %x, ptr addrspace(3) %p\n"
      "  call void @llvm.amdgcn.s.barrier.signal(i32 -1)\n"
      "  call void @llvm.amdgcn.s.barrier.wait(i16 -1)\n"
      "  %n = xor i32 %tid, 64\n"
      "  %q = getelementptr i32, ptr addrspace(3) @near, i32 %n\n"
      "  %r = load i32, ptr addrspace(3) %q\n");
  expectLanes(text, 128, tagged, [](int i) { return tagged(i ^ 64); });
}

TEST(Both, UnknownOperationsAreRefusedByName) {
  std::string error;
  EXPECT_FALSE(Emulated::load(
      makeKernel(false, "sm_90",
                 "  call void @llvm.nvvm.wgmma.fence.sync.aligned()\n"
                 "  %r = add i32 %x, 0\n"),
      error));
  EXPECT_NE(error.find("llvm.nvvm.wgmma.fence.sync.aligned at @op:"),
            std::string::npos)
      << error;
  error.clear();
  EXPECT_FALSE(Emulated::load(
      makeKernel(false, "sm_80",
                 "  %r = call i32 asm \"bfind.u32 $0, $1;\", \"=r,r\"(i32 "
                 "%x)\n"),
      error));
  EXPECT_NE(error.find("bfind.u32"), std::string::npos) << error;
}

TEST(Both, InlineAssemblySharesTheTable) {
  expectNvidia("  %r = call i32 asm sideeffect \"prmt.b32 $0, $1, $2, 0x5410;"
               "\", \"=r,r,r\"(i32 %x, i32 9)\n",
               [](int i) { return (tagged(i) & 0xffff) | 9 << 16; });
  expectNvidia("  %r = call i32 asm sideeffect \"\", \"=r,0\"(i32 %x)\n",
               tagged);
}

TEST(Both, HalvesAreConvertedWithoutInstructionsForThem) {
  expectNvidia("  %f = uitofp i32 %x to float\n"
               "  %h = fptrunc float %f to half\n"
               "  %b = fptrunc float %f to bfloat\n"
               "  %h2 = fadd half %h, 0xH3C00\n"
               "  %hi = bitcast half %h2 to i16\n"
               "  %bi = bitcast bfloat %b to i16\n"
               "  %h32 = zext i16 %hi to i32\n  %b32 = zext i16 %bi to i32\n"
               "  %bu = shl i32 %b32, 16\n  %r = or i32 %h32, %bu\n",
               [](int i) {
                 float value = float(tagged(i));
                 return floatToHalf(value + 1) | uint32_t(floatToBF16(value))
                                                     << 16;
               });
}

} // namespace
