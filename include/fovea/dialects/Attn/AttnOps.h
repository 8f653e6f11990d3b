//===- AttnOps.h - the level of meaning: operations -------------*- C++ -*-===//

#ifndef FOVEA_DIALECTS_ATTN_ATTNOPS_H
#define FOVEA_DIALECTS_ATTN_ATTNOPS_H

#include "fovea/dialects/Attn/Attn.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "fovea/dialects/Attn/AttnOps.h.inc"

#endif // FOVEA_DIALECTS_ATTN_ATTNOPS_H
