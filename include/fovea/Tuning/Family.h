//===- Family.h - programs that one schedule suits --------------*- C++ -*-===//
//
// A *family* is what decides how fast a schedule is and is known when a kernel
// is compiled: the folds of a function with their element types, inner widths
// and encodings, the code of their steps, the structure of their predicates,
// and through which views (pages, groups of nibbles) their operands come. It
// leaves out what does not: names, places in the source, and the values of
// constants (a window of 256 keys and one of 300 are one family; a head width
// is part of a type and therefore counts).
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TUNING_FAMILY_H
#define FOVEA_TUNING_FAMILY_H

#include <string>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace fovea {

/// What the family of a function at the fold level consists of, as text: one
/// line per operation, values numbered in order.
std::string describeFamily(mlir::func::FuncOp function);

/// Sixteen digits that stand for that text.
std::string getFamily(mlir::func::FuncOp function);

} // namespace fovea

#endif // FOVEA_TUNING_FAMILY_H
