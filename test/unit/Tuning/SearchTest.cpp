//===- SearchTest.cpp - Schedules that compute something else -------------===//
//
// Kernels are plain functions here: what a search does with a result that is
// wrong does not depend on how it came about.
//
//===----------------------------------------------------------------------===//

#include "Search.h"

#include "fovea/Driver/Dialects.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <chrono>
#include <limits>
#include <thread>

using namespace fovea;

namespace {

constexpr int kSize = 100;

void write(const fovea_tensor *arguments, float scale) {
  auto *out = static_cast<float *>(arguments[0].data);
  for (int i = 0; i < kSize; ++i) {
    out[i] = scale * float(i);
  }
}

/// Slow enough that every other kernel is faster beyond doubt.
int32_t runDefault(const fovea_tensor *arguments, int32_t, int32_t) {
  write(arguments, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 0;
}

int32_t runRounded(const fovea_tensor *arguments, int32_t, int32_t) {
  write(arguments, 1 + 1e-6f);
  return 0;
}

int32_t runWrong(const fovea_tensor *arguments, int32_t, int32_t) {
  write(arguments, 1 + 1e-3f);
  return 0;
}

int32_t runForgetful(const fovea_tensor *, int32_t, int32_t) { return 0; }

int32_t runInfinite(const fovea_tensor *arguments, int32_t, int32_t) {
  write(arguments, 1);
  static_cast<float *>(arguments[0].data)[7] =
      std::numeric_limits<float>::infinity();
  return 0;
}

int32_t runFailing(const fovea_tensor *, int32_t, int32_t) {
  return fovea_rt_fail("no memory for scores");
}

/// A search among the default (keys = 8) and others (16, 24, ...), each with
/// the function of that place.
class SearchTest : public testing::Test {
protected:
  SearchTest() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// False after a failure.
  bool run(std::vector<fovea_entry> functions) {
    TuningTask task;
    for (size_t i = 0; i < functions.size(); ++i) {
      tile::Schedule schedule;
      schedule.rows = schedule.lanes = 4;
      schedule.keys = int64_t(8 * (i + 1));
      schedule.block = 1;
      task.schedules.push_back(tile::ScheduleAttr::get(&context, schedule));
    }
    Call call;
    call.shapes = "1x100";
    call.outputs.emplace_back();
    EXPECT_EQ(call.outputs[0].allocate(FOVEA_F32, {kSize}), "");
    call.arguments = {call.outputs[0].get()};
    task.calls.push_back(std::move(call));
    auto compile = [&](tile::ScheduleAttr schedule) -> llvm::Expected<Kernel> {
      return Kernel{nullptr, functions[schedule.getKeys() / 8 - 1]};
    };
    Progress progress(100, 0);
    Search search(compile, 1, progress);
    auto found = search.run(task, int(functions.size()) - 1);
    wrong = search.getWrong().vec();
    if (!found) {
      error = llvm::toString(found.takeError());
      return false;
    }
    result = *found;
    return true;
  }

  mlir::MLIRContext context;
  SearchResult result;
  std::vector<std::string> wrong;
  std::string error;
};

TEST_F(SearchTest, RoundingIsAllowed) {
  ASSERT_TRUE(run({runDefault, runRounded})) << error;
  EXPECT_TRUE(wrong.empty());
  EXPECT_EQ(result.schedule.getKeys(), 16);
  EXPECT_LT(result.ratio.value, 0.5);
}

TEST_F(SearchTest, AWrongResultIsNamedAndNotAdopted) {
  ASSERT_TRUE(run({runDefault, runWrong, runRounded})) << error;
  EXPECT_EQ(result.tried, 2);
  EXPECT_EQ(result.schedule.getKeys(), 24);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0].find("expected the result of the default schedule for "
                          "1x100 from #tile.schedule<rows = 4, keys = 16, "),
            0u)
      << wrong[0];
  EXPECT_NE(wrong[0].find("output 0 differs from the default schedule's by 1."),
            std::string::npos)
      << wrong[0];
}

TEST_F(SearchTest, NothingIsAdoptedIfAllAreWrong) {
  ASSERT_TRUE(run({runDefault, runForgetful, runInfinite, runFailing})) << error;
  EXPECT_EQ(result.schedule.getKeys(), 8);
  ASSERT_EQ(wrong.size(), 3u);
  auto expectText = [&](size_t i, const char *text) {
    EXPECT_NE(wrong[i].find(text), std::string::npos) << wrong[i];
  };
  expectText(0, "; 100 values are finite in one only");
  expectText(1, "; 1 values are finite in one only");
  expectText(2, "keys = 32, ");
  expectText(2, "no memory for scores");
}

TEST_F(SearchTest, ADefaultThatFailsEndsIt) {
  EXPECT_FALSE(run({runFailing, runRounded}));
  EXPECT_EQ(error, "no memory for scores");
}

} // namespace
