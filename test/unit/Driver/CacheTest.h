//===- CacheTest.h - a cache of its own for a test --------------*- C++ -*-===//

#ifndef FOVEA_TEST_UNIT_DRIVER_CACHETEST_H
#define FOVEA_TEST_UNIT_DRIVER_CACHETEST_H

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/KernelCache.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

namespace fovea {

/// A folder that goes with the test, and a cache in it.
class CacheTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(
        llvm::sys::fs::createUniqueDirectory("fovea-cache-test", folder));
    open();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  void open(uint64_t maxBytes = 1 << 20, llvm::StringRef below = "cache") {
    KernelCache::Options options;
    options.folder = (folder + "/" + below).str();
    options.maxBytes = maxBytes;
    options.onWarning = [this](llvm::StringRef text) {
      warnings.push_back(text.str());
    };
    cache = std::make_shared<KernelCache>(std::move(options));
  }

  llvm::SmallString<128> folder;
  std::shared_ptr<KernelCache> cache;
  std::vector<std::string> warnings;
};

/// For programs in tasks.
inline CompileOptions getTaskOptions(std::shared_ptr<KernelCache> cache) {
  CompileOptions options;
  options.from = Level::Vector;
  options.cache = std::move(cache);
  return options;
}

/// An array of one axis.
inline fovea_tensor makeTensor(llvm::MutableArrayRef<float> data) {
  fovea_tensor tensor = {};
  tensor.data = data.data();
  tensor.dtype = FOVEA_F32;
  tensor.rank = 1;
  tensor.sizes[0] = data.size();
  tensor.strides[0] = 1;
  return tensor;
}

} // namespace fovea

#endif // FOVEA_TEST_UNIT_DRIVER_CACHETEST_H
