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
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank)) {
    return {};
  }
  LayoutAttr layout;
  if (succeeded(parser.parseOptionalComma())) {
    layout = dyn_cast_or_null<LayoutAttr>(LayoutAttr::parse(parser, Type()));
    if (!layout) {
      return {};
    }
  }
  if (parser.parseGreater()) {
    return {};
  }
  return parser.getChecked<InAttr>(at, parser.getContext(), *residence, ranks,
                                   layout);
}

LogicalResult InAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                             Residence residence, ArrayRef<StringAttr> ranks,
                             LayoutAttr layout) {
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
  p << ']';
  if (getLayout()) {
    p << ", ";
    getLayout().print(p);
  }
  p << '>';
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// `k(4:2)` or `_(4)`
static ParseResult parseDigit(AsmParser &parser, Digit &digit) {
  StringRef rank;
  if (succeeded(parser.parseOptionalKeyword(&rank)) && rank != "_") {
    digit.rank = StringAttr::get(parser.getContext(), rank);
  }
  if (rank.empty()) {
    return parser.emitError(parser.getCurrentLocation())
           << "expected a rank's name or _";
  }
  if (parser.parseLParen() || parser.parseInteger(digit.size)) {
    return failure();
  }
  if (digit.rank &&
      (parser.parseColon() || parser.parseInteger(digit.stride))) {
    return failure();
  }
  return parser.parseRParen();
}

/// `<register = [k(2:1), q(2:8)], lane = [k(4:2), q(8:1)], subgroup = []>`
Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  SMLoc at = parser.getCurrentLocation();
  SmallVector<Digit> lists[3];
  if (parser.parseLess()) {
    return {};
  }
  static constexpr StringLiteral names[] = {"register", "lane", "subgroup"};
  for (int i = 0; i < 3; ++i) {
    auto parseOne = [&]() {
      return parseDigit(parser, lists[i].emplace_back());
    };
    if ((i > 0 && parser.parseComma()) || parser.parseKeyword(names[i]) ||
        parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                       parseOne)) {
      return {};
    }
  }
  if (parser.parseGreater()) {
    return {};
  }
  return parser.getChecked<LayoutAttr>(at, parser.getContext(), lists[0],
                                       lists[1], lists[2]);
}

void LayoutAttr::print(AsmPrinter &p) const {
  auto printList = [&](StringRef name, ArrayRef<Digit> digits) {
    p << name << " = [";
    llvm::interleaveComma(digits, p, [&](const Digit &digit) {
      p << (digit.rank ? digit.rank.getValue() : "_") << '(' << digit.size;
      if (digit.rank) {
        p << ':' << digit.stride;
      }
      p << ')';
    });
    p << ']';
  };
  p << '<';
  printList("register", getRegisters());
  p << ", ";
  printList("lane", getLanes());
  p << ", ";
  printList("subgroup", getSubgroups());
  p << '>';
}

LogicalResult
LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                   ArrayRef<Digit> registers, ArrayRef<Digit> lanes,
                   ArrayRef<Digit> subgroups) {
  for (ArrayRef<Digit> list : {registers, lanes, subgroups}) {
    for (const Digit &digit : list) {
      if (digit.size <= 0 || (digit.rank && digit.stride <= 0)) {
        return emitError() << "expected positive sizes and strides of digits";
      }
    }
  }
  // Lanes and subgroups exchange values by flipping bits of their numbers.
  for (ArrayRef<Digit> list : {lanes, subgroups}) {
    for (const Digit &digit : list) {
      if (!llvm::isPowerOf2_64(digit.size)) {
        return emitError() << "expected digits of lanes and subgroups with a "
                           << "power of two of values, got " << digit.size;
      }
    }
  }
  return success();
}

LogicalResult AtomAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type type, Type sum,
                               int64_t rate, LayoutAttr a, LayoutAttr b,
                               LayoutAttr c) {
  if (shape.size() != 3 || llvm::any_of(shape, [](int64_t x) { return x <= 0; })) {
    return emitError() << "expected a positive shape [m, n, k] of an atom";
  }
  auto numLanes = [](LayoutAttr layout) {
    int64_t count = 1;
    for (const Digit &digit : layout.getLanes()) {
      count *= digit.size;
    }
    return count;
  };
  if (numLanes(a) != numLanes(c) || numLanes(b) != numLanes(c)) {
    return emitError() << "expected layouts of an atom over equally many lanes";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

Schedule ScheduleAttr::getFields() const {
  Schedule fields;
  fields.rows = getRows();
  fields.keys = getKeys();
  fields.block = getBlock();
  fields.lanes = getLanes();
  fields.pairs = getPairs();
  fields.splits = getSplits();
  fields.subgroups = getSubgroups();
  fields.stages = getStages();
  fields.pack = getPack();
  fields.narrow = getNarrow();
  fields.ahead = getAhead();
  fields.blocks = getBlocks();
  fields.distance = getDistance();
  return fields;
}

int64_t ScheduleAttr::getPanelRows() const {
  int64_t two = 2 * getLanes();
  if (getSubgroups() != 1 || getStages() != 0 || getNarrow() ||
      getRows() <= two) {
    return getRows();
  }
  if (getBlocks() && getRows() % (2 * two) == 0) {
    return 2 * two;
  }
  return getRows() % two == 0 ? two : getLanes();
}

LogicalResult
ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                     int64_t keys, int64_t block, int64_t lanes, bool pairs,
                     int64_t splits, int64_t subgroups, int64_t stages,
                     bool pack, bool narrow, int64_t ahead, bool blocks,
                     int64_t distance) {
  if (rows <= 0 || keys <= 0 || block <= 0 || lanes <= 0 || splits <= 0 ||
      subgroups <= 0 || stages < 0 || ahead < 0 || distance < 0) {
    return emitError() << "expected positive sizes in a schedule";
  }
  // Where operands are read in place, rows run along lanes.
  if (stages == 0 && !narrow && rows % lanes != 0) {
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
  if (ahead > keys) {
    return emitError() << "expected at most all keys of a step to be asked for "
                          "ahead, got "
                       << ahead << " of " << keys;
  }
  if (distance > 0 && (!narrow || ahead > 0)) {
    return emitError() << "expected a distance in narrow schedules without "
                          "ahead, got "
                       << distance;
  }
  if (blocks && (!pairs || lanes != 16 || keys % 32 != 0 ||
                 32 % block != 0)) {
    return emitError() << "expected blocks with pairs, 16 lanes, keys in runs "
                          "of 32 and a block that divides them, got "
                       << lanes << " lanes, keys " << keys << ", block "
                       << block;
  }
  if (narrow && blocks && !llvm::isPowerOf2_64(rows)) {
    return emitError() << "expected rows of narrow blocks to be a power of two, "
                          "got "
                       << rows;
  }
  if (narrow && (rows > lanes || block > lanes || !llvm::isPowerOf2_64(block) ||
                 keys % lanes != 0)) {
    return emitError() << "expected a narrow schedule with at most as many rows "
                          "as lanes, a power of two of them in a block, and "
                          "keys in whole vectors, got rows "
                       << rows << ", lanes " << lanes << ", block " << block
                       << ", keys " << keys;
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

LayoutAttr fovea::tile::getLayout(Type tile) {
  auto type = dyn_cast<RankedTensorType>(tile);
  auto in = type ? dyn_cast_or_null<InAttr>(type.getEncoding()) : InAttr();
  return in ? in.getLayout() : LayoutAttr();
}

DimWalk fovea::tile::parseDimWalk(StringRef dim) {
  if (dim.consume_back(" div")) {
    return {dim, DimWalk::Quotient};
  }
  if (dim.consume_back(" mod")) {
    return {dim, DimWalk::Rest};
  }
  return {dim, DimWalk::Whole};
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
