//===- LayoutUtil.h - layouts of the tests ----------------------*- C++ -*-===//

#ifndef FOVEA_TEST_UNIT_TILE_LAYOUTUTIL_H
#define FOVEA_TEST_UNIT_TILE_LAYOUTUTIL_H

#include "fovea/dialects/Tile/Layout.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

namespace fovea::tile::test {

/// Layouts are written as in the IR: `lane = [k(4:2)]` or `[_(4), q(8:1)]`.
class LayoutTest : public ::testing::Test {
protected:
  LayoutTest() { context.loadDialect<TileDialect>(); }

  LayoutAttr layout(const std::string &registers, const std::string &lanes,
                    const std::string &subgroups = "[]") {
    std::string text = "#tile.layout<register = " + registers +
                       ", lane = " + lanes + ", subgroup = " + subgroups + ">";
    auto parsed = llvm::dyn_cast_or_null<LayoutAttr>(
        mlir::parseAttribute(text, &context));
    EXPECT_TRUE(parsed) << text;
    return parsed;
  }

  mlir::MLIRContext context;
};

} // namespace fovea::tile::test

#endif // FOVEA_TEST_UNIT_TILE_LAYOUTUTIL_H
