//===- AttnDialect.cpp - the level of meaning -----------------------------===//

#include "fovea/dialects/Attn/Attn.h"

#include "fovea/dialects/Attn/AttnOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea::attn;

#include "fovea/dialects/Attn/AttnDialect.cpp.inc"
#include "fovea/dialects/Attn/AttnEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "fovea/dialects/Attn/AttnAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "fovea/dialects/Attn/AttnTypes.cpp.inc"

void AttnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fovea/dialects/Attn/AttnAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "fovea/dialects/Attn/AttnTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "fovea/dialects/Attn/AttnOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// KVType
//===----------------------------------------------------------------------===//

/// `,` name `=`, or nothing.
static bool parseOptionalField(AsmParser &parser, StringRef name,
                               bool &failed) {
  if (mlir::failed(parser.parseOptionalComma())) {
    return false;
  }
  failed = parser.parseKeyword(name) || parser.parseEqual();
  return !failed;
}

/// `scale` `=` (`token` | `group` `<` channels `>`) after a comma, or nothing.
static ParseResult parseScale(AsmParser &parser, Scale &scale,
                              int64_t &groupSize) {
  bool isWrong = false;
  if (!parseOptionalField(parser, "scale", isWrong)) {
    return failure(isWrong);
  }
  StringRef name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name)) {
    return failure();
  }
  std::optional<Scale> known = symbolizeScale(name);
  if (!known || *known == Scale::None) {
    return parser.emitError(loc)
           << "expected a scale (token, group<channels>), got '" << name
           << "'";
  }
  scale = *known;
  return failure(scale == Scale::Group &&
                 (parser.parseLess() || parser.parseInteger(groupSize) ||
                  parser.parseGreater()));
}

/// `<` layout `,` `key` `=` D `,` `value` `=` Dv `,` element-type
/// (`,` `stored` `=` type (`,` `scale` `=` ...)?)? `>`
Type KVType::parse(AsmParser &parser) {
  StringRef name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&name)) {
    return {};
  }
  std::optional<Layout> layout = symbolizeLayout(name);
  if (!layout) {
    parser.emitError(loc) << "expected a layout (dense, paged<rows>), got '"
                          << name << "'";
    return {};
  }
  int64_t page = 0, key = 0, value = 0, group = 0;
  Type element, stored;
  if (*layout == Layout::Paged &&
      (parser.parseLess() || parser.parseInteger(page) ||
       parser.parseGreater())) {
    return {};
  }
  if (parser.parseComma() || parser.parseKeyword("key") ||
      parser.parseEqual() || parser.parseInteger(key) || parser.parseComma() ||
      parser.parseKeyword("value") || parser.parseEqual() ||
      parser.parseInteger(value) || parser.parseComma() ||
      parser.parseType(element)) {
    return {};
  }
  Scale scale = Scale::None;
  bool isWrong = false;
  if (parseOptionalField(parser, "stored", isWrong)) {
    if (parser.parseType(stored) || parseScale(parser, scale, group)) {
      return {};
    }
    if (stored == element) {
      parser.emitError(loc) << "expected stored elements of another type than "
                               "the elements, got "
                            << stored << " for both";
      return {};
    }
  }
  if (isWrong || parser.parseGreater()) {
    return {};
  }
  return parser.getChecked<KVType>(loc, parser.getContext(), *layout, page, key,
                                   value, element, stored ? stored : element,
                                   scale, group);
}

void KVType::print(AsmPrinter &p) const {
  p << '<' << stringifyLayout(getLayout());
  if (getLayout() == Layout::Paged) {
    p << '<' << getPageSize() << '>';
  }
  p << ", key = " << getKeyWidth() << ", value = " << getValueWidth() << ", "
    << getElementType();
  if (getStoredType() != getElementType()) {
    p << ", stored = " << getStoredType();
  }
  if (getScale() != Scale::None) {
    p << ", scale = " << stringifyScale(getScale());
  }
  if (getScale() == Scale::Group) {
    p << '<' << getGroupSize() << '>';
  }
  p << '>';
}

/// Which scales go with which stored elements.
static LogicalResult
verifyEncoding(function_ref<InFlightDiagnostic()> emitError, Type stored,
               Scale scale, int64_t groupSize, ArrayRef<int64_t> widths) {
  if (stored.isSignlessInteger(8)) {
    if (scale != Scale::Token) {
      return emitError() << "expected scale = token for elements stored as i8";
    }
    return success();
  }
  if (stored.isSignlessInteger(4)) {
    if (scale != Scale::Group || groupSize != KVType::kNibbleGroup) {
      return emitError() << "expected scale = group<" << KVType::kNibbleGroup
                         << "> for elements stored as i4";
    }
    for (int64_t width : widths) {
      if (width % groupSize != 0) {
        return emitError() << "expected widths that are multiples of "
                           << groupSize << ", got " << width;
      }
    }
    return success();
  }
  if (isa<Float8E4M3FNType>(stored)) {
    if (scale == Scale::Group) {
      return emitError() << "expected scale = token or none for elements "
                            "stored as f8E4M3FN";
    }
    return success();
  }
  if (stored.isF16()) {
    if (scale != Scale::None) {
      return emitError() << "expected no scale for elements stored as f16";
    }
    return success();
  }
  return emitError() << "expected elements stored as i8, i4, f16 or f8E4M3FN, "
                        "got "
                     << stored;
}

LogicalResult KVType::verify(function_ref<InFlightDiagnostic()> emitError,
                             Layout layout, int64_t pageSize, int64_t keyWidth,
                             int64_t valueWidth, Type elementType,
                             Type storedType, Scale scale,
                             int64_t groupSize) {
  if (layout == Layout::Paged && pageSize < 1) {
    return emitError() << "expected pages of at least 1 row, got " << pageSize;
  }
  // The text cannot say this; a builder must not.
  assert((layout == Layout::Paged || pageSize == 0) &&
         "page size of a layout without pages");
  for (auto [width, what] :
       {std::pair(keyWidth, "key"), std::pair(valueWidth, "value")}) {
    if (width < 1 || width > kMaxWidth) {
      return emitError() << "expected a " << what << " width of 1 to "
                         << kMaxWidth << ", got " << width;
    }
  }
  if (!isa<Float32Type, BFloat16Type, Float16Type>(elementType)) {
    return emitError() << "expected elements of type f32, bf16 or f16, got "
                       << elementType;
  }
  if (storedType == elementType) {
    // The text cannot say this; a builder must not.
    assert(scale == Scale::None && "scale of a cache that is not encoded");
    return success();
  }
  return verifyEncoding(emitError, storedType, scale, groupSize,
                        {keyWidth, valueWidth});
}

SmallVector<RankedTensorType> KVType::getComponentTypes() {
  constexpr int64_t any = ShapedType::kDynamic;
  int64_t rows = isPaged() ? getPageSize() : any;
  Builder b(getContext());
  SmallVector<RankedTensorType> types;
  for (int64_t width : {getKeyWidth(), getValueWidth()}) {
    SmallVector<int64_t> shape = {any, any, rows, width};
    if (isNibbles()) {
      shape[3] = width / 2;
    }
    types.push_back(RankedTensorType::get(
        shape, isNibbles() ? b.getIntegerType(8) : getStoredType()));
    if (getScale() == Scale::Token) {
      types.push_back(
          RankedTensorType::get({any, any, rows}, b.getF32Type()));
    } else if (getScale() == Scale::Group) {
      shape[3] = width / getGroupSize();
      types.push_back(RankedTensorType::get(shape, b.getF16Type()));
    }
  }
  if (isPaged()) {
    types.push_back(RankedTensorType::get({any, any}, b.getI32Type()));
    types.push_back(RankedTensorType::get({any}, b.getI32Type()));
  }
  return types;
}

SmallVector<StringRef> KVType::getComponentNames() {
  if (!isPaged()) {
    return hasScale() ? SmallVector<StringRef>{"k", "k_scale", "v", "v_scale"}
                      : SmallVector<StringRef>{"k", "v"};
  }
  SmallVector<StringRef> names = {"k_pages"};
  if (hasScale()) {
    names.push_back("k_scale_pages");
  }
  names.push_back("v_pages");
  if (hasScale()) {
    names.push_back("v_scale_pages");
  }
  names.append({"page_table", "lengths"});
  return names;
}
