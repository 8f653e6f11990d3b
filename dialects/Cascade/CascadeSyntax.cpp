//===- CascadeSyntax.cpp - reading and printing with named ranks ----------===//
//
// Operands are written with their ranks, as on paper: `%K[b, k, d]`. In memory
// they are affine maps over the list `ranks`, in order of first appearance.
//
//===----------------------------------------------------------------------===//

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::cascade;

namespace {

/// Collects rank names while indices are parsed. Maps can be built only when
/// all names are known, so indices are kept as expressions until then.
class RankParser {
public:
  explicit RankParser(OpAsmParser &parser) : parser(parser) {}

  unsigned getOrAdd(StringRef name) {
    for (auto [i, known] : llvm::enumerate(names)) {
      if (known == name) {
        return i;
      }
    }
    names.push_back(name.str());
    return names.size() - 1;
  }

  /// index ::= term (('+' | '-') term)* ; term ::= name | integer ('*' name)?
  ParseResult parseIndex(AffineExpr &result) {
    MLIRContext *context = parser.getContext();
    result = getAffineConstantExpr(0, context);
    bool negative = succeeded(parser.parseOptionalMinus());
    while (true) {
      AffineExpr term;
      StringRef name;
      int64_t value;
      OptionalParseResult number = parser.parseOptionalInteger(value);
      if (number.has_value()) {
        if (failed(*number)) {
          return failure();
        }
        term = getAffineConstantExpr(value, context);
        if (succeeded(parser.parseOptionalStar())) {
          if (parser.parseKeyword(&name)) {
            return failure();
          }
          term = term * getAffineDimExpr(getOrAdd(name), context);
        }
      } else {
        if (parser.parseKeyword(&name)) {
          return failure();
        }
        term = getAffineDimExpr(getOrAdd(name), context);
      }
      result = negative ? result - term : result + term;
      if (succeeded(parser.parseOptionalPlus())) {
        negative = false;
      } else if (succeeded(parser.parseOptionalMinus())) {
        negative = true;
      } else {
        return success();
      }
    }
  }

  ParseResult parseIndices(SmallVectorImpl<AffineExpr> &indices) {
    return parser.parseCommaSeparatedList(
        AsmParser::Delimiter::Square,
        [&] { return parseIndex(indices.emplace_back()); });
  }

  /// `%x[i, j]`
  ParseResult parseOperand(OpAsmParser::UnresolvedOperand &operand,
                           SmallVectorImpl<AffineExpr> &indices) {
    return failure(parser.parseOperand(operand, /*allowResultNumber=*/true) ||
                   parseIndices(indices));
  }

  AffineMap getMap(ArrayRef<AffineExpr> indices) {
    return AffineMap::get(names.size(), 0, indices, parser.getContext());
  }

  ArrayAttr getRanks() {
    SmallVector<StringRef> refs(names.begin(), names.end());
    return parser.getBuilder().getStrArrayAttr(refs);
  }

private:
  OpAsmParser &parser;
  SmallVector<std::string> names;
};

using Indices = SmallVector<AffineExpr, 4>;
using Operands = SmallVector<OpAsmParser::UnresolvedOperand, 4>;

} // namespace

static void printIndex(OpAsmPrinter &p, AffineExpr e, ArrayAttr ranks) {
  if (auto dim = dyn_cast<AffineDimExpr>(e)) {
    p << cast<StringAttr>(ranks[dim.getPosition()]).getValue();
    return;
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(e)) {
    p << constant.getValue();
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(e);
  if (binary.getKind() == AffineExprKind::Mul) {
    // The constant comes last in memory and first on paper.
    printIndex(p, binary.getRHS(), ranks);
    p << " * ";
    printIndex(p, binary.getLHS(), ranks);
    return;
  }
  printIndex(p, binary.getLHS(), ranks);
  AffineExpr rhs = binary.getRHS();
  if (auto constant = dyn_cast<AffineConstantExpr>(rhs);
      constant && constant.getValue() < 0) {
    p << " - " << -constant.getValue();
    return;
  }
  if (auto product = dyn_cast<AffineBinaryOpExpr>(rhs);
      product && product.getKind() == AffineExprKind::Mul &&
      product.getRHS() == getAffineConstantExpr(-1, rhs.getContext())) {
    p << " - ";
    printIndex(p, product.getLHS(), ranks);
    return;
  }
  p << " + ";
  printIndex(p, rhs, ranks);
}

static void printIndices(OpAsmPrinter &p, AffineMap map, ArrayAttr ranks) {
  p << '[';
  llvm::interleaveComma(map.getResults(), p,
                        [&](AffineExpr e) { printIndex(p, e, ranks); });
  p << ']';
}

static void printNames(OpAsmPrinter &p, ArrayAttr names) {
  p << '[';
  llvm::interleaveComma(names.getAsValueRange<StringAttr>(), p,
                        [&](StringRef name) { p << name; });
  p << ']';
}

//===----------------------------------------------------------------------===//
// EinsumOp
//===----------------------------------------------------------------------===//

ParseResult EinsumOp::parse(OpAsmParser &parser, OperationState &result) {
  RankParser ranks(parser);
  Builder &b = parser.getBuilder();
  Operands operands;
  SmallVector<Indices> indices;
  SMLoc loc = parser.getCurrentLocation();
  do {
    if (ranks.parseOperand(operands.emplace_back(), indices.emplace_back())) {
      return failure();
    }
  } while (succeeded(parser.parseOptionalComma()));
  bool hasInitial = succeeded(parser.parseOptionalKeyword("from"));
  Indices initialIndices;
  if (hasInitial &&
      ranks.parseOperand(operands.emplace_back(), initialIndices)) {
    return failure();
  }
  if (parser.parseArrow() || ranks.parseIndices(indices.emplace_back())) {
    return failure();
  }
  if (succeeded(parser.parseOptionalKeyword("reduce"))) {
    StringRef name;
    SMLoc at = parser.getCurrentLocation();
    if (parser.parseKeyword(&name)) {
      return failure();
    }
    std::optional<Monoid> monoid = symbolizeMonoid(name);
    if (!monoid) {
      return parser.emitError(at)
             << "expected a monoid (sum, max, min), got '" << name << "'";
    }
    result.addAttribute("reduce", MonoidAttr::get(b.getContext(), *monoid));
  }
  Region *body = result.addRegion();
  Region *where = result.addRegion();
  if (parser.parseRegion(*body)) {
    return failure();
  }
  if (succeeded(parser.parseOptionalKeyword("where")) &&
      parser.parseRegion(*where)) {
    return failure();
  }
  FunctionType type;
  if (parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type) ||
      parser.resolveOperands(operands, type.getInputs(), loc,
                             result.operands)) {
    return failure();
  }
  result.addTypes(type.getResults());
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> i : indices) {
    maps.push_back(ranks.getMap(i));
  }
  result.addAttribute("ranks", ranks.getRanks());
  result.addAttribute("maps", b.getAffineMapArrayAttr(maps));
  if (hasInitial) {
    result.addAttribute("initialMap",
                        AffineMapAttr::get(ranks.getMap(initialIndices)));
  }
  int32_t inputs = operands.size() - hasInitial;
  result.addAttribute("operandSegmentSizes",
                      b.getDenseI32ArrayAttr({inputs, hasInitial}));
  return success();
}

void EinsumOp::print(OpAsmPrinter &p) {
  p << ' ';
  llvm::interleaveComma(llvm::zip_equal(getInputs(), getInputMaps()), p,
                        [&](auto pair) {
                          p << std::get<0>(pair);
                          printIndices(p, std::get<1>(pair), getRanks());
                        });
  if (getInitial()) {
    p << " from " << getInitial();
    printIndices(p, *getInitialMap(), getRanks());
  }
  p << " -> ";
  printIndices(p, getResultMap(), getRanks());
  if (std::optional<Monoid> monoid = getReduce()) {
    p << " reduce " << stringifyMonoid(*monoid);
  }
  p << ' ';
  p.printRegion(getBody());
  if (hasWhere()) {
    p << " where ";
    p.printRegion(getWhere());
  }
  p.printOptionalAttrDict((*this)->getAttrs(),
                          {"ranks", "maps", "initialMap", "reduce",
                           "operandSegmentSizes"});
  p << " : ";
  p.printFunctionalType(*this);
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  RankParser ranks(parser);
  Builder &b = parser.getBuilder();
  StringAttr over;
  SmallVector<Attribute> emits;
  if (parser.parseKeyword("over") ||
      parser.parseAttribute(over, "over", result.attributes) ||
      parser.parseKeyword("emit") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
        StringRef name;
        SMLoc at = parser.getCurrentLocation();
        if (parser.parseKeyword(&name)) {
          return failure();
        }
        std::optional<Emit> emit = symbolizeEmit(name);
        if (!emit) {
          return parser.emitError(at)
                 << "expected exclusive, inclusive or final, got '" << name
                 << "'";
        }
        emits.push_back(b.getI32IntegerAttr(static_cast<int32_t>(*emit)));
        return success();
      })) {
    return failure();
  }
  Operands inits, inputs;
  SmallVector<Indices> indices;
  auto parseList = [&](Operands &list) {
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
      return ranks.parseOperand(list.emplace_back(), indices.emplace_back());
    });
  };
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword("init") || parseList(inits) ||
      parser.parseKeyword("ins") || parseList(inputs) || parser.parseArrow() ||
      ranks.parseIndices(indices.emplace_back()) ||
      parser.parseRegion(*result.addRegion())) {
    return failure();
  }
  SmallVector<Type> initTypes, inputTypes, resultTypes;
  auto parseTypes = [&](SmallVector<Type> &types) {
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
      return parser.parseType(types.emplace_back());
    });
  };
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColon() ||
      parseTypes(initTypes) || parser.parseComma() || parseTypes(inputTypes) ||
      parser.parseArrow() || parseTypes(resultTypes) ||
      parser.resolveOperands(inits, initTypes, loc, result.operands) ||
      parser.resolveOperands(inputs, inputTypes, loc, result.operands)) {
    return failure();
  }
  result.addTypes(resultTypes);
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> i : indices) {
    maps.push_back(ranks.getMap(i));
  }
  result.addAttribute("emit", b.getArrayAttr(emits));
  result.addAttribute("ranks", ranks.getRanks());
  result.addAttribute("maps", b.getAffineMapArrayAttr(maps));
  result.addAttribute(
      "operandSegmentSizes",
      b.getDenseI32ArrayAttr({static_cast<int32_t>(inits.size()),
                              static_cast<int32_t>(inputs.size())}));
  return success();
}

void ScanOp::print(OpAsmPrinter &p) {
  SmallVector<AffineMap> maps(getMaps().getAsValueRange<AffineMapAttr>());
  ArrayRef<AffineMap> rest = maps;
  auto printList = [&](ValueRange values) {
    p << '(';
    llvm::interleaveComma(values, p, [&](Value v) {
      p << v;
      printIndices(p, rest.front(), getRanks());
      rest = rest.drop_front();
    });
    p << ')';
  };
  p << " over " << getOverAttr() << " emit [";
  llvm::interleaveComma(getEmits(), p,
                        [&](Emit e) { p << stringifyEmit(e); });
  p << "] init";
  printList(getInits());
  p << " ins";
  printList(getInputs());
  p << " -> ";
  printIndices(p, rest.front(), getRanks());
  p << ' ';
  p.printRegion(getBody());
  p.printOptionalAttrDict(
      (*this)->getAttrs(),
      {"over", "emit", "ranks", "maps", "operandSegmentSizes"});
  p << " : (" << getInits().getTypes() << "), (" << getInputs().getTypes()
    << ") -> (" << getResultTypes() << ')';
}

//===----------------------------------------------------------------------===//
// FoldOp
//===----------------------------------------------------------------------===//

static ParseResult parseArgRegion(OpAsmParser &parser, StringRef keyword,
                                  OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  return failure(parser.parseKeyword(keyword) ||
                 parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren,
                                          /*allowType=*/true) ||
                 parser.parseRegion(*result.addRegion(), arguments));
}

ParseResult FoldOp::parse(OpAsmParser &parser, OperationState &result) {
  RankParser ranks(parser);
  Builder &b = parser.getBuilder();
  SmallVector<StringRef> parallel;
  StringRef stream;
  auto parseName = [&]() -> ParseResult {
    if (parser.parseKeyword(&parallel.emplace_back())) {
      return failure();
    }
    ranks.getOrAdd(parallel.back());
    return success();
  };
  if (parser.parseKeyword("parallel") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseName) ||
      parser.parseKeyword("stream") || parser.parseKeyword(&stream) ||
      parser.parseKeyword("ins")) {
    return failure();
  }
  ranks.getOrAdd(stream);
  Operands operands;
  SmallVector<Indices> indices;
  ArrayAttr identity;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(
          AsmParser::Delimiter::Paren,
          [&] {
            return ranks.parseOperand(operands.emplace_back(),
                                      indices.emplace_back());
          }) ||
      parser.parseArrow()) {
    return failure();
  }
  do {
    if (ranks.parseIndices(indices.emplace_back())) {
      return failure();
    }
  } while (succeeded(parser.parseOptionalComma()));
  if (parser.parseKeyword("identity") ||
      parser.parseAttribute(identity, "identity", result.attributes) ||
      parseArgRegion(parser, "init", result) ||
      parseArgRegion(parser, "step", result) ||
      parseArgRegion(parser, "merge", result) ||
      parseArgRegion(parser, "finish", result)) {
    return failure();
  }
  Region *where = result.addRegion();
  if (succeeded(parser.parseOptionalKeyword("where")) &&
      parser.parseRegion(*where)) {
    return failure();
  }
  FunctionType type;
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseColonType(type) ||
      parser.resolveOperands(operands, type.getInputs(), loc,
                             result.operands)) {
    return failure();
  }
  result.addTypes(type.getResults());
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> i : indices) {
    maps.push_back(ranks.getMap(i));
  }
  result.addAttribute("parallel", b.getStrArrayAttr(parallel));
  result.addAttribute("stream", b.getStringAttr(stream));
  result.addAttribute("ranks", ranks.getRanks());
  result.addAttribute("maps", b.getAffineMapArrayAttr(maps));
  return success();
}

void FoldOp::print(OpAsmPrinter &p) {
  auto printRegion = [&](StringRef keyword, Region &region) {
    p.printNewline();
    p << "  " << keyword << " (";
    llvm::interleaveComma(region.getArguments(), p, [&](BlockArgument a) {
      p.printRegionArgument(a);
    });
    p << ") ";
    p.printRegion(region, /*printEntryBlockArgs=*/false);
  };
  p << " parallel ";
  printNames(p, getParallel());
  p << " stream " << getStream() << " ins(";
  for (unsigned i = 0, e = getInputs().size(); i < e; ++i) {
    p << (i ? ", " : "") << getInputs()[i];
    printIndices(p, getInputMap(i), getRanks());
  }
  p << ") -> ";
  for (unsigned i = 0, e = getNumResults(); i < e; ++i) {
    p << (i ? ", " : "");
    printIndices(p, getResultMap(i), getRanks());
  }
  p << " identity " << getIdentity();
  printRegion("init", getInit());
  printRegion("step", getStep());
  printRegion("merge", getMerge());
  printRegion("finish", getFinish());
  if (hasWhere()) {
    p.printNewline();
    p << "  where ";
    p.printRegion(getWhere(), /*printEntryBlockArgs=*/false);
  }
  p.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {"parallel", "stream", "ranks", "maps", "identity"});
  p << " : ";
  p.printFunctionalType(*this);
}
