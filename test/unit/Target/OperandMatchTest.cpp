//===- OperandMatchTest.cpp - results of real atoms as operands -----------===//
//
// Attention multiplies twice: the result of the first product, scores over
// (q, k), is an operand of the second, contracted over k. Whether the registers
// can stay where they are is a question to matchOperand. The layouts here are
// written from the vendors' manuals, not taken from the compiler's tables:
//
//   mma.sync    PTX ISA, "Matrix Fragments for mma.m16n8k16" and ".m16n8k8"
//   MFMA        CDNA3 ISA guide, "Dense Matrix Operand Layouts"
//   WMMA        RDNA3 and RDNA4 ISA guides, "Wave Matrix Multiply Accumulate"
//
//===----------------------------------------------------------------------===//

#include "../Tile/LayoutUtil.h"

#include "llvm/ADT/STLExtras.h"

using namespace fovea::tile;
using llvm::SmallVector;
using llvm::StringRef;

namespace {

using Values = SmallVector<int64_t>;

Values countTo(int64_t end) { return llvm::to_vector(llvm::seq<int64_t>(end)); }

class MatchTest : public fovea::tile::test::LayoutTest {
protected:
  /// The tile (ranks q and k) as an operand over (`freeName`, "k"). Whatever
  /// is found is checked: in every lane, each register of each step must hold
  /// the row and the key that the atom multiplies there.
  std::optional<OperandMatch> match(LayoutAttr tile, LayoutAttr operand,
                                    StringRef freeName, int64_t atomFree,
                                    int64_t atomK) {
    int64_t rows = getExtent(tile, "q"), keys = getExtent(tile, "k");
    auto found = matchOperand(tile, "q", "k", operand, freeName, atomFree,
                              atomK, rows, keys);
    if (!found) {
      return found;
    }
    Values sorted = found->order;
    llvm::sort(sorted);
    EXPECT_EQ(sorted, countTo(keys));
    int64_t wanted = getNumRegisters(operand);
    int64_t steps = keys / atomK, repeats = rows / atomFree;
    EXPECT_EQ(static_cast<int64_t>(found->registers.size()),
              repeats * steps * wanted);
    for (auto [i, source] : llvm::enumerate(found->registers)) {
      int64_t reg = i % wanted, step = i / wanted % steps;
      int64_t repetition = i / wanted / steps;
      for (int64_t lane = 0; lane < getNumLanes(tile); ++lane) {
        EXPECT_EQ(getCoordinate(tile, "q", source, lane, 0),
                  repetition * atomFree +
                      getCoordinate(operand, freeName, reg, lane, 0));
        int64_t slot = step * atomK + getCoordinate(operand, "k", reg, lane, 0);
        EXPECT_EQ(getCoordinate(tile, "k", source, lane, 0),
                  found->order[slot]);
      }
    }
    return found;
  }

  // mma.sync, 32 lanes: lane l is group l / 4, place l % 4.
  // m16n8k16, 16-bit: a in four pairs of k, rows 8 apart within a pair of
  // pairs.
  LayoutAttr m16n8k16A = layout("[k(2:1), m(2:8), k(2:8)]", "[k(4:2), m(8:1)]");
  LayoutAttr m16n8k16B = layout("[k(2:1), k(2:8)]", "[k(4:2), n(8:1)]");
  // m16n8k8, tf32: k is the place, then four more.
  LayoutAttr m16n8k8A = layout("[m(2:8), k(2:4)]", "[k(4:1), m(8:1)]");

  /// Scores [16 q, 8 * atoms k] of m16n8 atoms side by side.
  LayoutAttr m16n8Scores(int64_t atoms) {
    LayoutAttr c = layout("[n(2:1), m(2:8)]", "[n(4:2), m(8:1)]");
    return repeat(rename(c, {"m", "n"}, {"q", "k"}), "k", atoms, 8);
  }
};

//===----------------------------------------------------------------------===//
// mma.sync: the scores are the a operand
//===----------------------------------------------------------------------===//

TEST_F(MatchTest, M16n8k16ScoresAreA) {
  // Two n8 results side by side are exactly one k16 operand.
  auto found = match(m16n8Scores(2), m16n8k16A, "m", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(8));
  EXPECT_EQ(found->order, countTo(16));

  found = match(m16n8Scores(8), m16n8k16A, "m", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(32));
  EXPECT_EQ(found->order, countTo(64));
}

TEST_F(MatchTest, M16n8k16RepeatedAlongRows) {
  // Rows outermost: repetitions lie behind each other.
  LayoutAttr tile = repeat(m16n8Scores(4), "q", 3, 16);
  auto found = match(tile, m16n8k16A, "m", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(48));
  EXPECT_EQ(found->order, countTo(32));
  // Rows innermost: the registers of one repetition are picked out.
  tile = repeat(repeat(m16n8Scores(1), "q", 2, 16), "k", 2, 8);
  found = match(tile, m16n8k16A, "m", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers,
            (Values{0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15}));
  EXPECT_EQ(found->order, countTo(32 / 2));
}

TEST_F(MatchTest, M16n8k16ScoresAreNotB) {
  // Transposed scores [k, q] have k in the lanes where b has n.
  LayoutAttr c = layout("[n(2:1), m(2:8)]", "[n(4:2), m(8:1)]");
  LayoutAttr tile = repeat(rename(c, {"m", "n"}, {"k", "q"}), "q", 2, 8);
  EXPECT_FALSE(match(tile, m16n8k16B, "n", 8, 16).has_value());
}

TEST_F(MatchTest, M16n8k8Tf32TakesEvenKeysFirst) {
  // Lane place t holds keys 2t and 2t + 1 and multiplies as k = t and t + 4.
  auto found = match(m16n8Scores(1), m16n8k8A, "m", 16, 8);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, (Values{0, 2, 1, 3}));
  EXPECT_EQ(found->order, (Values{0, 2, 4, 6, 1, 3, 5, 7}));
}

TEST_F(MatchTest, KeysThatDoNotFillAStepAreRefused) {
  EXPECT_FALSE(match(m16n8Scores(1), m16n8k16A, "m", 16, 16).has_value());
  EXPECT_FALSE(match(m16n8Scores(3), m16n8k16A, "m", 16, 16).has_value());
}

//===----------------------------------------------------------------------===//
// MFMA: transposed scores (rows k, columns q) are the b operand
//===----------------------------------------------------------------------===//

TEST_F(MatchTest, Mfma32x32x8) {
  // 64 lanes; result register r of lane l is row 8 (r / 4) + 4 (l / 32) + r
  // % 4.
  LayoutAttr c = layout("[m(4:1), m(4:8)]", "[n(32:1), m(2:4)]");
  LayoutAttr b = layout("[k(4:1)]", "[n(32:1), k(2:4)]");
  LayoutAttr tile = rename(c, {"m", "n"}, {"k", "q"});
  auto found = match(tile, b, "n", 32, 8);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(16));
  EXPECT_EQ(found->order, countTo(32));
  // As it stands (rows q) the columns lie in the lanes: no operand.
  LayoutAttr a = layout("[k(4:1)]", "[m(32:1), k(2:4)]");
  EXPECT_FALSE(
      match(rename(c, {"m", "n"}, {"q", "k"}), a, "m", 32, 8).has_value());
}

TEST_F(MatchTest, Mfma16x16x16) {
  LayoutAttr c = layout("[m(4:1)]", "[n(16:1), m(4:4)]");
  LayoutAttr b = layout("[k(4:1)]", "[n(16:1), k(4:4)]");
  LayoutAttr tile = repeat(rename(c, {"m", "n"}, {"k", "q"}), "k", 4, 16);
  auto found = match(tile, b, "n", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(16));
  EXPECT_EQ(found->order, countTo(64));
}

TEST_F(MatchTest, Mfma16x16x4F32TakesEveryFourthKey) {
  // One register per operand: lane l has k = l / 16 of the step, but holds
  // keys 4 (l / 16) + r. Step r multiplies keys r, r + 4, r + 8, r + 12.
  LayoutAttr c = layout("[m(4:1)]", "[n(16:1), m(4:4)]");
  LayoutAttr b = layout("[]", "[n(16:1), k(4:1)]");
  LayoutAttr tile = rename(c, {"m", "n"}, {"k", "q"});
  auto found = match(tile, b, "n", 16, 4);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(4));
  EXPECT_EQ(found->order,
            (Values{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}));
}

TEST_F(MatchTest, Mfma16x16x32OnGfx950PairsTwoResults) {
  // Eight registers per operand: k = 8 (l / 16) + i. The lane holds four keys
  // of each of two results, so its eight keys are in two runs.
  LayoutAttr c = layout("[m(4:1)]", "[n(16:1), m(4:4)]");
  LayoutAttr b = layout("[k(8:1)]", "[n(16:1), k(4:8)]");
  LayoutAttr tile = repeat(rename(c, {"m", "n"}, {"k", "q"}), "k", 2, 16);
  auto found = match(tile, b, "n", 16, 32);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(8));
  Values first(found->order.begin(), found->order.begin() + 16);
  EXPECT_EQ(first,
            (Values{0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23}));
}

//===----------------------------------------------------------------------===//
// WMMA
//===----------------------------------------------------------------------===//

TEST_F(MatchTest, WmmaOnGfx11WantsCopies) {
  // Each half of the wave must hold all 16 keys; of the result it holds the
  // even or the odd rows.
  LayoutAttr c = layout("[m(8:2)]", "[n(16:1), m(2:1)]");
  LayoutAttr b = layout("[k(16:1)]", "[n(16:1), _(2)]");
  LayoutAttr tile = rename(c, {"m", "n"}, {"k", "q"});
  EXPECT_FALSE(match(tile, b, "n", 16, 16).has_value());
  // The missing half is one shuffle per register away.
  LayoutAttr wanted = rename(b, {"n"}, {"q"});
  Conversion plan = planConversion(tile, wanted, {"q", "k"});
  EXPECT_EQ(plan.kind, Conversion::Shuffles);
  EXPECT_EQ(plan.getCost(), 16);
}

TEST_F(MatchTest, WmmaOnGfx12) {
  LayoutAttr c = layout("[m(8:1)]", "[n(16:1), m(2:8)]");
  LayoutAttr b = layout("[k(8:1)]", "[n(16:1), k(2:8)]");
  LayoutAttr tile = repeat(rename(c, {"m", "n"}, {"k", "q"}), "k", 2, 16);
  auto found = match(tile, b, "n", 16, 16);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, countTo(16));
  EXPECT_EQ(found->order, countTo(32));
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST_F(MatchTest, LanesMustAgree) {
  // Half as many lanes.
  EXPECT_FALSE(match(layout("[k(4:1)]", "[q(16:1)]"),
                     layout("[k(4:1)]", "[n(32:1)]"), "n", 16, 4)
                   .has_value());
  // Copies where the operand has keys, keys where it has copies.
  EXPECT_FALSE(match(layout("[]", "[_(2), k(2:1)]"),
                     layout("[]", "[k(2:1), _(2)]"), "n", 1, 2)
                   .has_value());
  // Rows in another order.
  EXPECT_FALSE(match(layout("[]", "[q(2:2), q(2:1)]"), layout("[]", "[n(4:1)]"),
                     "n", 4, 1)
                   .has_value());
}

TEST_F(MatchTest, EachKeyIsHeldOnce) {
  // Two registers with the same key.
  EXPECT_FALSE(
      match(layout("[k(4:1), _(2)]", "[]"), layout("[k(4:1)]", "[]"), "n", 1, 4)
          .has_value());
  // Four places that hold keys 0, 1, 1 and 2 of four.
  EXPECT_FALSE(matchOperand(layout("[k(2:1)]", "[k(2:1)]"), "q", "k",
                            layout("[k(2:1)]", "[k(2:2)]"), "n", 1, 4, 1, 4)
                   .has_value());
}

TEST_F(MatchTest, OneOrderServesAllRows) {
  // Two rows by four keys in registers, for an operand of 2 x 2 in two steps.
  LayoutAttr operand = layout("[k(2:1), n(2:1)]", "[]");
  auto found = match(layout("[q(2:1), k(4:1)]", "[]"), operand, "n", 2, 2);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->registers, (Values{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(found->order, countTo(4));
}

} // namespace
