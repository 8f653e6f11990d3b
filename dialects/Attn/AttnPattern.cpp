//===- AttnPattern.cpp - the algebra of named predicates ------------------===//
//
// Text and memory of `#attn.pattern<...>`. The tree of
//
//     causal and (window<256> or sink<4>)
//
// is and(causal, or(window 256, sink 4)); a chain `a and b and c` is one node
// with three operands, so that text, tree and text again agree.
//
//===----------------------------------------------------------------------===//

#include "fovea/dialects/Attn/Attn.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::attn;

bool PatternAttr::takesNumber(PatternKind kind) {
  switch (kind) {
  case PatternKind::Window:
  case PatternKind::Sink:
  case PatternKind::Prefix:
  case PatternKind::Block:
  case PatternKind::Stride:
    return true;
  default:
    return false;
  }
}

bool PatternAttr::contains(PatternKind kind) {
  return getKind() == kind || llvm::any_of(getOperands(), [&](PatternAttr p) {
           return p.contains(kind);
         });
}

LogicalResult PatternAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  PatternKind kind, int64_t value,
                                  ArrayRef<PatternAttr> operands) {
  if (takesNumber(kind) && value < 1) {
    return emitError() << "expected a positive number with '"
                       << stringifyPatternKind(kind) << "', got " << value;
  }
  // The text cannot say these; a builder must not.
  assert((takesNumber(kind) || value == 0) && "number of a name without one");
  bool isChain = kind == PatternKind::And || kind == PatternKind::Or;
  (void)isChain;
  assert((isChain ? operands.size() >= 2
                  : operands.size() == (kind == PatternKind::Not ? 1 : 0)) &&
         "operands do not fit the kind of pattern");
  return success();
}

namespace {

/// One function per level of binding.
class PatternParser {
public:
  explicit PatternParser(AsmParser &parser) : parser(parser) {}

  PatternAttr parseOr() { return parseChain(PatternKind::Or); }

private:
  PatternAttr get(SMLoc loc, PatternKind kind, int64_t value,
                  ArrayRef<PatternAttr> operands) {
    return parser.getChecked<PatternAttr>(loc, parser.getContext(), kind,
                                          value, operands);
  }

  PatternAttr parseChain(PatternKind kind) {
    SMLoc loc = parser.getCurrentLocation();
    SmallVector<PatternAttr> operands;
    do {
      PatternAttr next = kind == PatternKind::Or ? parseChain(PatternKind::And)
                                                 : parseTerm();
      if (!next) {
        return {};
      }
      operands.push_back(next);
    } while (succeeded(
        parser.parseOptionalKeyword(stringifyPatternKind(kind))));
    if (operands.size() == 1) {
      return operands.front();
    }
    return get(loc, kind, 0, operands);
  }

  /// `not` term | `(` or `)` | name (`<` integer `>`)?
  PatternAttr parseTerm() {
    SMLoc loc = parser.getCurrentLocation();
    if (succeeded(parser.parseOptionalLParen())) {
      PatternAttr inner = parseOr();
      if (!inner || parser.parseRParen()) {
        return {};
      }
      return inner;
    }
    StringRef name;
    if (parser.parseKeyword(&name)) {
      return {};
    }
    std::optional<PatternKind> kind = symbolizePatternKind(name);
    if (!kind || *kind == PatternKind::And || *kind == PatternKind::Or) {
      parser.emitError(loc)
          << "expected a pattern (all, causal, window<W>, sink<N>, prefix<N>, "
             "block<N>, stride<N>, document), got '"
          << name << "'";
      return {};
    }
    if (*kind == PatternKind::Not) {
      PatternAttr inner = parseTerm();
      return inner ? get(loc, *kind, 0, inner) : PatternAttr();
    }
    int64_t value = 0;
    if (PatternAttr::takesNumber(*kind) &&
        (parser.parseLess() || parser.parseInteger(value) ||
         parser.parseGreater())) {
      return {};
    }
    return get(loc, *kind, value, {});
  }

  AsmParser &parser;
};

} // namespace

Attribute PatternAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess()) {
    return {};
  }
  PatternAttr pattern = PatternParser(parser).parseOr();
  if (!pattern || parser.parseGreater()) {
    return {};
  }
  return pattern;
}

/// Higher binds tighter.
static int getBinding(PatternKind kind) {
  switch (kind) {
  case PatternKind::Or:
    return 0;
  case PatternKind::And:
    return 1;
  default:
    return 2;
  }
}

static void printPattern(AsmPrinter &p, PatternAttr pattern) {
  PatternKind kind = pattern.getKind();
  StringRef name = stringifyPatternKind(kind);
  // A chain inside a chain of its own kind keeps its parentheses: the text
  // must give back the same tree.
  auto printOperand = [&](PatternAttr operand) {
    bool parens = getBinding(operand.getKind()) < 2 &&
                  getBinding(operand.getKind()) <= getBinding(kind);
    if (parens) {
      p << '(';
    }
    printPattern(p, operand);
    if (parens) {
      p << ')';
    }
  };
  if (kind == PatternKind::Not) {
    p << "not ";
    printOperand(pattern.getOperands().front());
    return;
  }
  if (!pattern.getOperands().empty()) {
    llvm::interleave(
        pattern.getOperands(), printOperand,
        [&] { p << ' ' << name << ' '; });
    return;
  }
  p << name;
  if (PatternAttr::takesNumber(kind)) {
    p << '<' << pattern.getValue() << '>';
  }
}

void PatternAttr::print(AsmPrinter &p) const {
  p << '<';
  printPattern(p, *this);
  p << '>';
}
