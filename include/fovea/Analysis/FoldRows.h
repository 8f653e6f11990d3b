//===- FoldRows.h - which ranks of a fold are its rows ----------*- C++ -*-===//
//
// A task of a fold holds *rows*: coordinates of one parallel rank, or pairs of
// two, that share what the stream brings. In attention these are the queries
// and, packed with them, the heads that share keys.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_ANALYSIS_FOLDROWS_H
#define FOVEA_ANALYSIS_FOLDROWS_H

#include <cstdint>
#include <optional>

namespace fovea {

namespace cascade {
class FoldOp;
} // namespace cascade

/// The row rank: the innermost parallel rank that no streamed operand carries,
/// else the innermost one; -1 if there is no parallel rank.
int64_t findRowRank(cascade::FoldOp fold);

/// The innermost parallel rank beside the row rank that every streamed operand
/// leaves out, unless the operand depends on the row as well.
std::optional<unsigned> findPackRank(cascade::FoldOp fold, int64_t rowRank);

} // namespace fovea

#endif // FOVEA_ANALYSIS_FOLDROWS_H
