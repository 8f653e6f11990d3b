//===- CascadeOps.h - the algebra level: operations -------------*- C++ -*-===//

#ifndef FOVEA_DIALECTS_CASCADE_CASCADEOPS_H
#define FOVEA_DIALECTS_CASCADE_CASCADEOPS_H

#include "fovea/dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "fovea/dialects/Cascade/CascadeOps.h.inc"

namespace fovea::cascade {

/// The neutral element of a monoid as an attribute of floating-point `type`.
mlir::TypedAttr getIdentity(Monoid monoid, mlir::FloatType type);

/// The scalar type of a tensor or scalar operand.
mlir::Type getElementType(mlir::Type type);

} // namespace fovea::cascade

#endif // FOVEA_DIALECTS_CASCADE_CASCADEOPS_H
