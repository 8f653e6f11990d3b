//===- FamilyTest.cpp - what makes programs one family --------------------===//

#include "fovea/Tuning/Family.h"

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/Dialects.h"
#include "fovea/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace fovea;

namespace {

/// An attention with these parts.
std::string makeProgram(llvm::StringRef element, llvm::StringRef layout,
                        int width, llvm::StringRef pattern) {
  return llvm::formatv(R"(
func.func @attention(%q: tensor<?x?x?x{0}x{1}>, %kv: !attn.kv<{2}, key = {0}, value = {0}, {1}>)
    -> tensor<?x?x?x{0}x{1}> {{
  %o = attn.attend %q, %kv pattern<{3}>
     : (tensor<?x?x?x{0}x{1}>, !attn.kv<{2}, key = {0}, value = {0}, {1}>) -> tensor<?x?x?x{0}x{1}>
  return %o : tensor<?x?x?x{0}x{1}>
})",
                       width, element, layout, pattern);
}

std::string getFamilyOf(llvm::StringRef text) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto target = llvm::cantFail(lookUpTarget("cpu:x86-64-v3"));
  auto module = llvm::cantFail(parse(context, text, "test"));
  mlir::PassManager pm(&context);
  addPassesTo(Level::Cascade, *target, pm);
  addPassesTo(Level::Fold, *target, pm);
  EXPECT_TRUE(mlir::succeeded(pm.run(*module)));
  return getFamily(*module->getOps<mlir::func::FuncOp>().begin());
}

const std::string kBase = makeProgram("f32", "dense", 64, "causal");

TEST(FamilyTest, NamesAndPlacesDoNotCount) {
  std::string other = kBase;
  for (auto [from, to] : {std::pair("@attention", "@renamed"),
                          std::pair("%q", "%queries"), std::pair("%o", "%x")}) {
    for (size_t at = 0; (at = other.find(from, at)) != std::string::npos;
         at += std::strlen(to)) {
      other.replace(at, std::strlen(from), to);
    }
  }
  ASSERT_NE(other, kBase);
  EXPECT_EQ(getFamilyOf("\n\n" + other), getFamilyOf(kBase));
}

TEST(FamilyTest, WhatDecidesTheSpeedCounts) {
  std::vector<std::string> programs = {
      kBase,
      makeProgram("bf16", "dense", 64, "causal"),
      makeProgram("f32", "dense", 128, "causal"),
      makeProgram("f32", "paged<16>", 64, "causal"),
      makeProgram("f32", "dense", 64, "causal and window<100>"),
  };
  std::set<std::string> families;
  for (const std::string &program : programs) {
    families.insert(getFamilyOf(program));
  }
  EXPECT_EQ(families.size(), programs.size());
}

TEST(FamilyTest, SizeOfAWindowDoesNotCount) {
  EXPECT_EQ(getFamilyOf(makeProgram("f32", "dense", 64, "window<100>")),
            getFamilyOf(makeProgram("f32", "dense", 64, "window<300>")));
}

} // namespace
