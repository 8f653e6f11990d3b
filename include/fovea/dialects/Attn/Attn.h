//===- Attn.h - the level of meaning: dialect, attributes, types -*- C++ -*-===//

#ifndef FOVEA_DIALECTS_ATTN_ATTN_H
#define FOVEA_DIALECTS_ATTN_ATTN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "fovea/dialects/Attn/AttnDialect.h.inc"
#include "fovea/dialects/Attn/AttnEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "fovea/dialects/Attn/AttnAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "fovea/dialects/Attn/AttnTypes.h.inc"

#endif // FOVEA_DIALECTS_ATTN_ATTN_H
