//===- AttnOps.cpp - reading, printing and accessors of attention ---------===//

#include "fovea/dialects/Attn/AttnOps.h"

#include <cmath>

using namespace mlir;
using namespace fovea::attn;

#define GET_OP_CLASSES
#include "fovea/dialects/Attn/AttnOps.cpp.inc"

double AttendOp::getScaleValue() {
  if (std::optional<APFloat> scale = getScale()) {
    return scale->convertToDouble();
  }
  return 1.0 / std::sqrt(static_cast<double>(getKVType().getKeyWidth()));
}

namespace {
using Operand = OpAsmParser::UnresolvedOperand;
} // namespace

/// keyword `(` operand `)`, or nothing.
static ParseResult parseOptionalOperand(OpAsmParser &parser, StringRef keyword,
                                        SmallVectorImpl<Operand> &operands) {
  if (failed(parser.parseOptionalKeyword(keyword))) {
    return success();
  }
  return failure(parser.parseLParen() ||
                 parser.parseOperand(operands.emplace_back()) ||
                 parser.parseRParen());
}

/// keyword (arguments) region, or an empty region.
static ParseResult parseOptionalRegion(OpAsmParser &parser, StringRef keyword,
                                       OperationState &result) {
  Region *region = result.addRegion();
  if (failed(parser.parseOptionalKeyword(keyword))) {
    return success();
  }
  SmallVector<OpAsmParser::Argument> arguments;
  return failure(parser.parseArgumentList(arguments,
                                          AsmParser::Delimiter::Paren,
                                          /*allowType=*/true) ||
                 parser.parseRegion(*region, arguments));
}

/// `pattern<...>`, `normalizer<...>` and `scale<...>`, with their defaults.
static ParseResult parseClauses(OpAsmParser &parser, OperationState &result) {
  Builder &b = parser.getBuilder();
  Attribute pattern = PatternAttr::get(b.getContext(), PatternKind::All, 0, {});
  if (succeeded(parser.parseOptionalKeyword("pattern"))) {
    pattern = PatternAttr::parse(parser, Type());
    if (!pattern) {
      return failure();
    }
  }
  result.addAttribute("pattern", pattern);

  Normalizer normalizer = Normalizer::Softmax;
  if (succeeded(parser.parseOptionalKeyword("normalizer"))) {
    StringRef name;
    SMLoc loc;
    if (parser.parseLess() || parser.getCurrentLocation(&loc) ||
        parser.parseKeyword(&name) || parser.parseGreater()) {
      return failure();
    }
    std::optional<Normalizer> known = symbolizeNormalizer(name);
    if (!known) {
      return parser.emitError(loc) << "expected a normalizer (softmax, "
                                      "sigmoid, relu, l1), got '"
                                   << name << "'";
    }
    normalizer = *known;
  }
  result.addAttribute("normalizer",
                      NormalizerAttr::get(b.getContext(), normalizer));

  if (succeeded(parser.parseOptionalKeyword("scale"))) {
    double scale;
    if (parser.parseLess() || parser.parseFloat(scale) ||
        parser.parseGreater()) {
      return failure();
    }
    result.addAttribute("scale", b.getF64FloatAttr(scale));
  }
  return success();
}

ParseResult AttendOp::parse(OpAsmParser &parser, OperationState &result) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<Operand> operands(2);
  if (parser.parseOperand(operands[0]) || parser.parseComma() ||
      parser.parseOperand(operands[1]) ||
      parseOptionalOperand(parser, "documents", operands)) {
    return failure();
  }
  int32_t documents = operands.size() - 2;
  if (parseOptionalOperand(parser, "sink", operands) ||
      parseClauses(parser, result)) {
    return failure();
  }
  int32_t sinks = operands.size() - 2 - documents;
  FunctionType type;
  if (parseOptionalRegion(parser, "score", result) ||
      parseOptionalRegion(parser, "where", result) ||
      parseOptionalRegion(parser, "weight", result) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseColonType(type) ||
      parser.resolveOperands(operands, type.getInputs(), loc,
                             result.operands)) {
    return failure();
  }
  result.addTypes(type.getResults());
  result.addAttribute("operandSegmentSizes",
                      parser.getBuilder().getDenseI32ArrayAttr(
                          {1, 1, documents, sinks}));
  return success();
}

void AttendOp::print(OpAsmPrinter &p) {
  p << ' ' << getQ() << ", " << getKv();
  if (getDocuments()) {
    p << " documents(" << getDocuments() << ')';
  }
  if (getSink()) {
    p << " sink(" << getSink() << ')';
  }
  if (getPattern().getKind() != PatternKind::All) {
    p << " pattern";
    getPattern().print(p);
  }
  if (getNormalizer() != Normalizer::Softmax) {
    p << " normalizer<" << stringifyNormalizer(getNormalizer()) << '>';
  }
  if (std::optional<APFloat> scale = getScale()) {
    p << " scale<";
    p.printFloat(*scale);
    p << '>';
  }
  auto printRegion = [&](StringRef keyword, Region &region) {
    if (region.empty()) {
      return;
    }
    p.printNewline();
    p << "  " << keyword << " (";
    llvm::interleaveComma(region.getArguments(), p, [&](BlockArgument a) {
      p.printRegionArgument(a);
    });
    p << ") ";
    p.printRegion(region, /*printEntryBlockArgs=*/false);
  };
  printRegion("score", getScore());
  printRegion("where", getWhere());
  printRegion("weight", getWeight());
  p.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {"pattern", "normalizer", "scale", "operandSegmentSizes"});
  p << " : ";
  p.printFunctionalType(*this);
}
