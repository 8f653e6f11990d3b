//===- LayoutTest.cpp - coordinates, new layouts from old, near order -----===//
//
// Cases worked by hand (those of docs/layouts.md among them), and laws that
// hold for every layout, tried on random ones.
//
//===----------------------------------------------------------------------===//

#include "LayoutUtil.h"

#include "llvm/ADT/STLExtras.h"

#include <random>
#include <set>

using namespace fovea::tile;
using fovea::tile::test::LayoutTest;
using llvm::SmallVector;
using llvm::StringRef;

namespace {

using Values = SmallVector<int64_t>;

const char *const kRanks[] = {"q", "k", "d"};

//===----------------------------------------------------------------------===//
// Coordinates
//===----------------------------------------------------------------------===//

TEST_F(LayoutTest, CountsHolders) {
  LayoutAttr c = layout("[k(2:1), q(5:8)]", "[k(4:2), _(2), q(8:1)]", "[_(2)]");
  EXPECT_EQ(getNumRegisters(c), 10);
  EXPECT_EQ(getNumLanes(c), 64);
  EXPECT_EQ(getCount(c.getSubgroups()), 2);
  EXPECT_EQ(getCount({}), 1);
}

TEST_F(LayoutTest, AddsDigitsOfOneRank) {
  // The accumulator of a 16 x 8 atom, four subgroups below each other.
  LayoutAttr c = layout("[k(2:1), q(2:8)]", "[k(4:2), q(8:1)]", "[q(4:16)]");
  EXPECT_EQ(getCoordinate(c, "k", 3, 6, 0), 1 + 2 * 2);
  EXPECT_EQ(getCoordinate(c, "q", 3, 6, 0), 8 + 1);
  EXPECT_EQ(getCoordinate(c, "q", 2, 31, 3), 8 + 7 + 48);
  EXPECT_EQ(getCoordinate(c, "d", 3, 31, 3), 0);
  EXPECT_EQ(getCoordinate(c.getLanes(), "q", 31), 7);
  EXPECT_EQ(getExtent(c, "k"), 8);
  EXPECT_EQ(getExtent(c, "q"), 64);
  EXPECT_EQ(getExtent(c, "d"), 1);
}

TEST_F(LayoutTest, SizesInRegistersNeedNotBePowersOfTwo) {
  // 40 columns in five atoms of 8: no coordinate of 40 to 63 exists.
  LayoutAttr c = layout("[d(2:1), d(5:8)]", "[d(4:2), q(8:1)]");
  EXPECT_EQ(getExtent(c, "d"), 40);
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int64_t reg = 0; reg < getNumRegisters(c); ++reg) {
    for (int64_t lane = 0; lane < getNumLanes(c); ++lane) {
      seen.insert({getCoordinate(c, "q", reg, lane, 0),
                   getCoordinate(c, "d", reg, lane, 0)});
    }
  }
  EXPECT_EQ(seen.size(), 8u * 40u);
}

//===----------------------------------------------------------------------===//
// New layouts from old
//===----------------------------------------------------------------------===//

TEST_F(LayoutTest, SliceOfAnAccumulator) {
  LayoutAttr c = layout("[k(2:1), q(2:8)]", "[k(4:2), q(8:1)]", "[k(2:8)]");
  EXPECT_EQ(slice(c, {"q"}), layout("[q(2:8)]", "[_(4), q(8:1)]", "[_(2)]"));
  EXPECT_EQ(slice(c, {"q", "k"}), c);
  EXPECT_EQ(slice(c, {}), layout("[]", "[_(4), _(8)]", "[_(2)]"));
  EXPECT_EQ(getSliceRegisters(c, {"q"}), (Values{0, 0, 1, 1}));
  EXPECT_EQ(getSliceRegisters(c, {"k"}), (Values{0, 1, 0, 1}));
  EXPECT_EQ(getSliceRegisters(c, {"q", "k"}), (Values{0, 1, 2, 3}));
  EXPECT_EQ(getSliceRegisters(c, {}), (Values{0, 0, 0, 0}));
}

TEST_F(LayoutTest, RenamesAtOnce) {
  LayoutAttr c = layout("[k(2:1), q(2:8)]", "[_(4), q(8:1)]", "[d(2:8)]");
  EXPECT_EQ(rename(c, {"q"}, {"m"}),
            layout("[k(2:1), m(2:8)]", "[_(4), m(8:1)]", "[d(2:8)]"));
  // A swap: the new q is not renamed again.
  EXPECT_EQ(rename(c, {"q", "k"}, {"k", "q"}),
            layout("[q(2:1), k(2:8)]", "[_(4), k(8:1)]", "[d(2:8)]"));
}

TEST_F(LayoutTest, RepeatsAndDivides) {
  LayoutAttr c = layout("[k(2:1)]", "[k(4:2), q(8:1)]");
  LayoutAttr wide = repeat(c, "k", 5, 8);
  EXPECT_EQ(wide, layout("[k(2:1), k(5:8)]", "[k(4:2), q(8:1)]"));
  EXPECT_EQ(getExtent(wide, "k"), 40);
  LayoutAttr tall = divide(wide, "q", 4, 8);
  EXPECT_EQ(tall, layout("[k(2:1), k(5:8)]", "[k(4:2), q(8:1)]", "[q(4:8)]"));
  EXPECT_EQ(getExtent(tall, "q"), 32);
  EXPECT_EQ(repeat(c, "k", 1, 8), c);
  EXPECT_EQ(divide(c, "q", 1, 8), c);
}

/// Digits of random ranks, sizes and strides; powers of two if `isLane`.
std::string randomDigits(std::mt19937 &random, bool isLane) {
  std::string text = "[";
  for (unsigned i = 0, e = random() % 4; i < e; ++i) {
    std::string size =
        std::to_string(isLane ? 1 << random() % 3 : 1 + random() % 5);
    std::string stride = std::to_string(1 + random() % 40);
    unsigned rank = random() % (isLane ? 4 : 3);
    text += i ? ", " : "";
    text += rank == 3 ? "_(" + size + ")"
                      : kRanks[rank] + ("(" + size + ":" + stride + ")");
  }
  return text + "]";
}

TEST_F(LayoutTest, SlicesAgreeWithTheirLayout) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    LayoutAttr whole =
        layout(randomDigits(random, false), randomDigits(random, true),
               randomDigits(random, true));
    SmallVector<StringRef> keep;
    llvm::copy_if(kRanks, std::back_inserter(keep),
                  [&](StringRef) { return random() % 2; });
    LayoutAttr part = slice(whole, keep);
    Values registers = getSliceRegisters(whole, keep);
    ASSERT_EQ(static_cast<int64_t>(registers.size()), getNumRegisters(whole));
    ASSERT_EQ(getNumLanes(part), getNumLanes(whole));
    ASSERT_EQ(getCount(part.getSubgroups()), getCount(whole.getSubgroups()));
    std::set<int64_t> used(registers.begin(), registers.end());
    EXPECT_EQ(static_cast<int64_t>(used.size()), getNumRegisters(part));
    EXPECT_EQ(*used.rbegin(), getNumRegisters(part) - 1);
    for (StringRef rank : kRanks) {
      bool isKept = llvm::is_contained(keep, rank);
      EXPECT_EQ(getExtent(part, rank), isKept ? getExtent(whole, rank) : 1);
      for (int check = 0; check < 50; ++check) {
        int64_t reg = random() % getNumRegisters(whole);
        int64_t lane = random() % getNumLanes(whole);
        int64_t subgroup = random() % getCount(whole.getSubgroups());
        int64_t at = getCoordinate(whole, rank, reg, lane, subgroup);
        EXPECT_LT(at, getExtent(whole, rank));
        EXPECT_EQ(getCoordinate(part, rank, registers[reg], lane, subgroup),
                  isKept ? at : 0);
      }
    }
  }
}

TEST_F(LayoutTest, RepeatAndDivideShiftCopiesOfTheLayout) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 100; ++trial) {
    LayoutAttr one =
        layout(randomDigits(random, false), randomDigits(random, true),
               randomDigits(random, true));
    int64_t count = 1 + random() % 5, stride = 1 + random() % 64;
    int64_t parts = 1 << random() % 3;
    LayoutAttr many = divide(repeat(one, "q", count, stride), "k", parts, 100);
    int64_t registers = getNumRegisters(one), lanes = getNumLanes(one);
    int64_t subgroups = getCount(one.getSubgroups());
    ASSERT_EQ(getNumRegisters(many), registers * count);
    ASSERT_EQ(getCount(many.getSubgroups()), subgroups * parts);
    for (int check = 0; check < 50; ++check) {
      int64_t reg = random() % registers, lane = random() % lanes;
      int64_t subgroup = random() % subgroups;
      int64_t copy = random() % count, part = random() % parts;
      for (StringRef rank : kRanks) {
        EXPECT_EQ(getCoordinate(many, rank, copy * registers + reg, lane,
                                part * subgroups + subgroup),
                  getCoordinate(one, rank, reg, lane, subgroup) +
                      (rank == "q" ? copy * stride : 0) +
                      (rank == "k" ? part * 100 : 0));
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Near memory
//===----------------------------------------------------------------------===//

/// Conflicts when eight lanes read 16 bytes each, one row of two-byte elements
/// after the other, at element `fast` of the row.
int64_t countColumnConflicts(const NearOrder &order, int64_t fast) {
  Values addresses;
  for (int64_t row = 0; row < 8; ++row) {
    addresses.push_back(2 * order.getOffset(row, fast));
  }
  return countConflicts(addresses, 16, 32);
}

TEST(NearOrder, ChunksOfAColumnMeetDifferentBanks) {
  for (int64_t fast = 0; fast < 64; fast += 8) {
    EXPECT_EQ(countColumnConflicts({64, 1, 0, 0}, fast), 7);
    EXPECT_EQ(countColumnConflicts({64, 8, 3, 0}, fast), 1);
    EXPECT_EQ(countColumnConflicts({64, 8, 7, 0}, fast), 0);
    // A pitch of 144 bytes needs no exclusive or, but an eighth more memory.
    EXPECT_EQ(countColumnConflicts({72, 1, 0, 0}, fast), 0);
  }
  // Chunks that are no power of two: an odd number of them keeps rows apart.
  EXPECT_EQ(countColumnConflicts({40, 8, 0, 0}, 0), 0);
  EXPECT_EQ(countColumnConflicts({80, 8, 0, 0}, 0), 1);
  EXPECT_EQ(countColumnConflicts({88, 8, 0, 0}, 0), 0);
  EXPECT_EQ(countColumnConflicts({96, 8, 0, 0}, 0), 3);
  EXPECT_EQ(countColumnConflicts({104, 8, 0, 0}, 0), 0);
  // Rows of 64 bytes: two of them fill the banks once, so every second row
  // takes the next permutation.
  EXPECT_EQ(countColumnConflicts({32, 8, 3, 0}, 0), 1);
  EXPECT_EQ(countColumnConflicts({32, 8, 3, 1}, 0), 0);
}

TEST(NearOrder, OffsetByHand) {
  NearOrder order = {64, 8, 7, 1};
  // Row 5, shifted to 2: chunk 3 lies where chunk 1 would.
  EXPECT_EQ(order.getOffset(5, 3 * 8 + 6), 5 * 64 + 1 * 8 + 6);
  EXPECT_EQ((NearOrder{72, 1, 0, 0}).getOffset(5, 30), 5 * 72 + 30);
}

TEST(NearOrder, RowsWovenTogether) {
  NearOrder order = {72, 1, 0, 0, 4};
  // Four rows of one column lie side by side, in the space of four rows.
  for (int64_t row = 0; row < 4; ++row) {
    EXPECT_EQ(order.getOffset(8 + row, 5), 8 * 72 + 5 * 4 + row);
  }
  std::set<int64_t> places;
  for (int64_t slow = 0; slow < 16; ++slow) {
    for (int64_t fast = 0; fast < 64; ++fast) {
      int64_t at = order.getOffset(slow, fast);
      EXPECT_EQ(at / (4 * 72), slow / 4);
      places.insert(at);
    }
  }
  EXPECT_EQ(places.size(), 16u * 64u);
}

TEST(NearOrder, GivesEachElementAPlaceOfItsOwn) {
  for (int64_t chunk : {1, 4, 8}) {
    for (int64_t mask : {0, 1, 3, 7}) {
      for (int64_t shift : {0, 1, 2}) {
        NearOrder order = {64, chunk, mask, shift};
        std::set<int64_t> places;
        for (int64_t slow = 0; slow < 16; ++slow) {
          for (int64_t fast = 0; fast < 64; ++fast) {
            int64_t at = order.getOffset(slow, fast);
            EXPECT_EQ(at / 64, slow);
            places.insert(at);
          }
        }
        EXPECT_EQ(places.size(), 16u * 64u);
      }
    }
  }
}

Values addressesOf(int64_t lanes, int64_t stride) {
  Values addresses;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    addresses.push_back(lane * stride);
  }
  return addresses;
}

TEST(CountConflicts, FourBytes) {
  EXPECT_EQ(countConflicts(addressesOf(32, 4), 4, 32), 0);
  EXPECT_EQ(countConflicts(addressesOf(32, 8), 4, 32), 1);
  EXPECT_EQ(countConflicts(addressesOf(32, 128), 4, 32), 31);
  EXPECT_EQ(countConflicts(addressesOf(32, 132), 4, 32), 0);
  // 64 lanes go in two halves: what lies in different halves cannot collide.
  EXPECT_EQ(countConflicts(addressesOf(64, 4), 4, 32), 0);
  EXPECT_EQ(countConflicts(addressesOf(64, 8), 4, 32), 2);
  EXPECT_EQ(countConflicts(addressesOf(64, 4), 4, 64), 0);
}

TEST(CountConflicts, OneWordIsReadOnceForAll) {
  EXPECT_EQ(countConflicts(addressesOf(32, 0), 4, 32), 0);
  EXPECT_EQ(countConflicts(addressesOf(32, 2), 2, 32), 0);
  // Two words of one bank, each read by 16 lanes.
  Values addresses(32, 0);
  std::fill(addresses.begin() + 16, addresses.end(), 128);
  EXPECT_EQ(countConflicts(addresses, 4, 32), 1);
}

TEST(CountConflicts, WiderAccessesGoInParts) {
  EXPECT_EQ(countConflicts(addressesOf(32, 8), 8, 32), 0);
  EXPECT_EQ(countConflicts(addressesOf(32, 16), 16, 32), 0);
  // Four parts of eight lanes, each part all in one group of four banks.
  EXPECT_EQ(countConflicts(addressesOf(32, 128), 16, 32), 4 * 7);
  EXPECT_EQ(countConflicts(addressesOf(8, 128), 16, 32), 7);
  EXPECT_EQ(countConflicts(addressesOf(8, 144), 16, 32), 0);
  EXPECT_EQ(countConflicts({}, 16, 32), 0);
  // The second word of lane 0 and the first of lane 1 share bank 1.
  EXPECT_EQ(countConflicts({0, 132}, 8, 32), 1);
}

} // namespace
