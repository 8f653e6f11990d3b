//===- TestUtil.cpp - programs, random arguments and comparisons ----------===//

#include "TestUtil.h"

#include "fovea/dialects/Attn/Attn.h"
#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/passes/AttnToCascade/Passes.h"
#include "fovea/passes/Cascade/Passes.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

std::unique_ptr<MLIRContext> fovea::reference::makeContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<attn::AttnDialect, cascade::CascadeDialect>();
  return std::make_unique<MLIRContext>(registry);
}

std::vector<OwningOpRef<ModuleOp>>
fovea::reference::loadTestFile(MLIRContext &context, StringRef path) {
  std::vector<OwningOpRef<ModuleOp>> modules;
  std::string whole = (FOVEA_TEST_DIRECTORY "/" + path).str();
  auto buffer = llvm::MemoryBuffer::getFile(whole);
  if (!buffer) {
    ADD_FAILURE() << "no file " << whole;
    return modules;
  }
  SmallVector<StringRef> parts;
  (*buffer)->getBuffer().split(parts, "// -----");
  for (StringRef part : parts) {
    auto module = parseSourceString<ModuleOp>(part, &context, path);
    if (!module) {
      ADD_FAILURE() << "a part of " << whole << " does not parse";
      continue;
    }
    modules.push_back(std::move(module));
  }
  return modules;
}

OwningOpRef<ModuleOp> fovea::reference::parseText(MLIRContext &context,
                                                  StringRef text) {
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << "does not parse:\n" << text.str();
  }
  return module;
}

bool fovea::reference::runPasses(ModuleOp module, StringRef passes) {
  static bool registered = [] {
    registerAttnToCascadePasses();
    cascade::registerCascadePasses();
    return true;
  }();
  (void)registered;
  PassManager manager(module.getContext());
  // Remarks on what was derived are not part of these tests.
  ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &d) {
    return success(d.getSeverity() == DiagnosticSeverity::Remark);
  });
  if (failed(parsePassPipeline(passes, manager)) ||
      failed(manager.run(module))) {
    ADD_FAILURE() << "passes failed: " << passes.str();
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

/// Notes that dimension d of `value`, if it is an argument, is rank `name`.
using DimensionNames = llvm::DenseMap<std::pair<Value, unsigned>, StringRef>;

template <typename Op>
static void collectNames(Op op, ValueRange values, DimensionNames &names) {
  for (auto [value, attribute] : llvm::zip(values, op.getMaps())) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    for (auto [d, e] : llvm::enumerate(map.getResults())) {
      if (auto dim = dyn_cast<AffineDimExpr>(e)) {
        names[{value, d}] =
            cast<StringAttr>(op.getRanks()[dim.getPosition()]).getValue();
      }
    }
  }
}

std::vector<Tensor>
fovea::reference::makeArguments(func::FuncOp f, uint64_t seed, double scale) {
  DimensionNames names;
  f.walk([&](Operation *op) {
    if (auto einsum = dyn_cast<cascade::EinsumOp>(op)) {
      collectNames(einsum, einsum.getInputs(), names);
      if (einsum.getInitial()) {
        AffineMap map = *einsum.getInitialMap();
        for (auto [d, e] : llvm::enumerate(map.getResults())) {
          names[{einsum.getInitial(), d}] =
              cast<StringAttr>(
                  einsum.getRanks()[cast<AffineDimExpr>(e).getPosition()])
                  .getValue();
        }
      }
    } else if (auto scan = dyn_cast<cascade::ScanOp>(op)) {
      collectNames(scan, scan.getOperands(), names);
    } else if (auto fold = dyn_cast<cascade::FoldOp>(op)) {
      collectNames(fold, fold.getInputs(), names);
    }
  });
  std::mt19937_64 engine(seed);
  llvm::StringMap<int64_t> extents;
  for (Value argument : f.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    for (int64_t d = 0, n = type ? type.getRank() : 0; d < n; ++d) {
      auto it = names.find({argument, d});
      if (it != names.end() && !type.isDynamicDim(d)) {
        extents[it->second] = type.getDimSize(d);
      }
    }
  }
  auto getExtent = [&](Value argument, unsigned d) -> int64_t {
    auto type = cast<RankedTensorType>(argument.getType());
    if (!type.isDynamicDim(d)) {
      return type.getDimSize(d);
    }
    int64_t fresh = 2 + engine() % 9;
    auto it = names.find({argument, d});
    return it == names.end()
               ? fresh
               : extents.try_emplace(it->second, fresh).first->second;
  };
  std::normal_distribution<double> normal(0.0, scale);
  std::vector<Tensor> arguments;
  for (Value argument : f.getArguments()) {
    SmallVector<int64_t> shape;
    if (auto type = dyn_cast<RankedTensorType>(argument.getType())) {
      for (unsigned d = 0; d < type.getRank(); ++d) {
        shape.push_back(getExtent(argument, d));
      }
    }
    Tensor tensor =
        Tensor::zeros(shape, getElementTypeOrSelf(argument.getType()));
    for (double &x : tensor.reals) {
      x = normal(engine);
    }
    for (int64_t &x : tensor.integers) {
      x = engine() % 3;
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static bool isClose(double a, double b, double scale) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) && std::isnan(b);
  }
  // A small difference of numbers near 1 (an entropy that is almost 0) is only
  // as exact as those.
  return a == b || std::fabs(a - b) <= 1e-9 * scale + 1e-13;
}

std::optional<std::string>
fovea::reference::findDifference(ArrayRef<Tensor> a, ArrayRef<Tensor> b) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (a.size() != b.size()) {
    os << a.size() << " and " << b.size() << " tensors";
    return text;
  }
  for (auto [n, x, y] : llvm::enumerate(a, b)) {
    os << "tensor " << n << ": ";
    if (x.shape != y.shape || x.isReal != y.isReal) {
      os << "different shapes or types";
      return text;
    }
    if (x.integers != y.integers) {
      os << "different integers";
      return text;
    }
    double scale = 0;
    for (double v : llvm::concat<const double>(x.reals, y.reals)) {
      scale = std::isfinite(v) ? std::max(scale, std::fabs(v)) : scale;
    }
    for (auto [i, v, w] : llvm::enumerate(x.reals, y.reals)) {
      if (!isClose(v, w, scale)) {
        os << "element " << i << ": " << v << " and " << w;
        return text;
      }
    }
    text.clear();
  }
  return std::nullopt;
}

bool fovea::reference::hasNaN(ArrayRef<Tensor> tensors) {
  return llvm::any_of(tensors, [](const Tensor &t) {
    return llvm::any_of(t.reals, [](double x) { return std::isnan(x); });
  });
}
