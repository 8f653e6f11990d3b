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

/// `<` layout `,` `key` `=` D `,` `value` `=` Dv `,` element-type `>`
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
  int64_t page = 0, key = 0, value = 0;
  Type element;
  if (*layout == Layout::Paged &&
      (parser.parseLess() || parser.parseInteger(page) ||
       parser.parseGreater())) {
    return {};
  }
  if (parser.parseComma() || parser.parseKeyword("key") ||
      parser.parseEqual() || parser.parseInteger(key) || parser.parseComma() ||
      parser.parseKeyword("value") || parser.parseEqual() ||
      parser.parseInteger(value) || parser.parseComma() ||
      parser.parseType(element) || parser.parseGreater()) {
    return {};
  }
  return parser.getChecked<KVType>(loc, parser.getContext(), *layout, page, key,
                                   value, element);
}

void KVType::print(AsmPrinter &p) const {
  p << '<' << stringifyLayout(getLayout());
  if (getLayout() == Layout::Paged) {
    p << '<' << getPageSize() << '>';
  }
  p << ", key = " << getKeyWidth() << ", value = " << getValueWidth() << ", "
    << getElementType() << '>';
}

LogicalResult KVType::verify(function_ref<InFlightDiagnostic()> emitError,
                             Layout layout, int64_t pageSize, int64_t keyWidth,
                             int64_t valueWidth, Type elementType) {
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
  return success();
}

SmallVector<RankedTensorType> KVType::getComponentTypes() {
  constexpr int64_t any = ShapedType::kDynamic;
  int64_t rows = isPaged() ? getPageSize() : any;
  SmallVector<RankedTensorType> types = {
      RankedTensorType::get({any, any, rows, getKeyWidth()}, getElementType()),
      RankedTensorType::get({any, any, rows, getValueWidth()},
                            getElementType())};
  if (isPaged()) {
    Type i32 = IntegerType::get(getContext(), 32);
    types.push_back(RankedTensorType::get({any, any}, i32));
    types.push_back(RankedTensorType::get({any}, i32));
  }
  return types;
}

SmallVector<StringRef> KVType::getComponentNames() {
  if (isPaged()) {
    return {"k_pages", "v_pages", "page_table", "lengths"};
  }
  return {"k", "v"};
}
