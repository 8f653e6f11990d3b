//===- TileDialect.cpp - the schedule level -------------------------------===//

#include "fovea/dialects/Tile/Tile.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea::tile;

#include "fovea/dialects/Tile/TileDialect.cpp.inc"
#include "fovea/dialects/Tile/TileEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "fovea/dialects/Tile/TileAttrs.cpp.inc"

void TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fovea/dialects/Tile/TileOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fovea/dialects/Tile/TileAttrs.cpp.inc"
      >();
}

/// `<near, [k, q]>`
Attribute InAttr::parse(AsmParser &parser, Type) {
  StringRef name;
  SmallVector<StringAttr> ranks;
  if (parser.parseLess()) {
    return {};
  }
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseKeyword(&name)) {
    return {};
  }
  std::optional<Residence> residence = symbolizeResidence(name);
  if (!residence) {
    parser.emitError(at) << "expected register, near, accumulator or far, got '"
                         << name << "'";
    return {};
  }
  auto parseRank = [&]() -> ParseResult {
    StringRef rank;
    if (parser.parseKeyword(&rank)) {
      return failure();
    }
    ranks.push_back(StringAttr::get(parser.getContext(), rank));
    return success();
  };
  if (parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank) ||
      parser.parseGreater()) {
    return {};
  }
  return parser.getChecked<InAttr>(at, parser.getContext(), *residence, ranks);
}

LogicalResult InAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                             Residence residence, ArrayRef<StringAttr> ranks) {
  llvm::SmallDenseSet<StringAttr> seen;
  for (StringAttr rank : ranks) {
    if (!seen.insert(rank).second) {
      return emitError() << "expected distinct ranks of a tile, got '"
                         << rank.getValue() << "' twice";
    }
  }
  return success();
}

void InAttr::print(AsmPrinter &p) const {
  p << '<' << stringifyResidence(getResidence()) << ", [";
  llvm::interleaveComma(getRanks(), p,
                        [&](StringAttr rank) { p << rank.getValue(); });
  p << "]>";
}

LogicalResult
ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                     int64_t keys, int64_t block, int64_t lanes, bool pairs,
                     int64_t splits, int64_t subgroups, int64_t stages,
                     bool pack) {
  if (rows <= 0 || keys <= 0 || block <= 0 || lanes <= 0 || splits <= 0 ||
      subgroups <= 0 || stages < 0) {
    return emitError() << "expected positive sizes in a schedule";
  }
  // Where operands are read in place, rows run along lanes.
  if (stages == 0 && rows % lanes != 0) {
    return emitError() << "expected rows to be a multiple of lanes, got "
                       << rows << " and " << lanes;
  }
  if (keys % block != 0) {
    return emitError() << "expected keys to be a multiple of block, got "
                       << keys << " and " << block;
  }
  if (pairs && block % 2 != 0) {
    return emitError() << "expected an even block for paired products, got "
                       << block;
  }
  return success();
}

SmallVector<StringRef> fovea::tile::getRanks(Type tile) {
  auto type = dyn_cast<RankedTensorType>(tile);
  auto in = type ? dyn_cast_or_null<InAttr>(type.getEncoding()) : InAttr();
  SmallVector<StringRef> names;
  if (in) {
    for (StringAttr rank : in.getRanks()) {
      names.push_back(rank.getValue());
    }
  }
  return names;
}

int64_t fovea::tile::findRank(Type tile, StringRef rank) {
  for (auto [i, name] : llvm::enumerate(getRanks(tile))) {
    if (name == rank) {
      return i;
    }
  }
  return -1;
}

RankedTensorType fovea::tile::getTileType(ArrayRef<int64_t> shape, Type element,
                                          ArrayRef<StringRef> ranks,
                                          Residence residence) {
  MLIRContext *context = element.getContext();
  SmallVector<StringAttr> names;
  for (StringRef rank : ranks) {
    names.push_back(StringAttr::get(context, rank));
  }
  return RankedTensorType::get(shape, element,
                               InAttr::get(context, residence, names));
}
