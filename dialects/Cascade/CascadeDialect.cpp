//===- CascadeDialect.cpp - the algebra level -----------------------------===//

#include "fovea/dialects/Cascade/Cascade.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea::cascade;

#include "fovea/dialects/Cascade/CascadeDialect.cpp.inc"
#include "fovea/dialects/Cascade/CascadeEnums.cpp.inc"

void CascadeDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fovea/dialects/Cascade/CascadeOps.cpp.inc"
      >();
}
