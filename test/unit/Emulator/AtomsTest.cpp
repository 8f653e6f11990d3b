//===- AtomsTest.cpp - the compiler's fragments against the manuals' ------===//
//
// The compiler says in `#tile.atom` which lane holds which element of a matrix
// operation; the emulator has tables of its own. Here every atom of every chip
// is compiled, fed by the compiler's layouts and run by the emulator's: they
// agree, or one of the two was misread.
//
//===----------------------------------------------------------------------===//

#include "Emulated.h"

#include "fovea/Driver/Dialects.h"
#include "fovea/Support/FloatConvert.h"
#include "fovea/Target/Common/Device.h"
#include "fovea/Target/Target.h"
#include "fovea/dialects/Tile/Layout.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace fovea;
using namespace fovea::test;

namespace {

/// Lane code: every lane loads its elements of a, b and c, and stores those of
/// c. {0} lanes; [{1}, {2}, {3}] of {4}; {5}, {6}, {7} elements of a, b, c.
constexpr const char *kProduct = R"(
gpu.module @device {{
  func.func @product(%a: memref<?x{5}x{4}>, %b: memref<?x{6}x{4}>, %c: memref<?x{7}xf32>, %task: index)
      attributes {{tile.kernel, tile.near_bytes = 0 : i64,
                  tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = {0}, pairs = false, splits = 1, subgroups = 1, stages = 1>} {{
    %c0 = arith.constant 0 : index
    %lane = gpu.thread_id x
    %fa = vector.load %a[%lane, %c0] : memref<?x{5}x{4}>, vector<{5}x{4}>
    %fb = vector.load %b[%lane, %c0] : memref<?x{6}x{4}>, vector<{6}x{4}>
    %fc = vector.load %c[%lane, %c0] : memref<?x{7}xf32>, vector<{7}xf32>
    %s = tile.matrix %fa, %fb, %fc shape [{1}, {2}, {3}] : vector<{5}x{4}>, vector<{6}x{4}>, vector<{7}xf32>
    vector.store %s, %c[%lane, %c0] : memref<?x{7}xf32>, vector<{7}xf32>
    return
  }
}
)";

/// Small whole numbers, exact in all types.
float sample(int64_t row, int64_t column, int seed) {
  return float((row * 5 + column * 3 + seed) % 9 - 4);
}

std::string nameOf(mlir::Type type) {
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

class Atoms : public testing::TestWithParam<std::string> {
protected:
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  Atoms() : context(makeRegistry()) { context.loadAllAvailableDialects(); }

  std::unique_ptr<Emulated> compile(const Target &target, tile::AtomAttr atom,
                                    std::string &error) {
    const Device &device = *target.getDevice();
    llvm::ArrayRef<int64_t> shape = atom.getShape();
    tile::MachineAttr machine = device.getMachineAttr(&context);
    std::string text = llvm::formatv(
        kProduct, machine.getLanes(), shape[0], shape[1], shape[2],
        nameOf(atom.getType()), tile::getNumRegisters(atom.getA()),
        tile::getNumRegisters(atom.getB()), tile::getNumRegisters(atom.getC()));
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      error = "the test's text does not parse";
      return nullptr;
    }
    (*module)->setAttr(tile::kMachineAttrName, machine);
    mlir::PassManager pm(&context);
    target.addLowering(pm);
    if (failed(pm.run(*module))) {
      error = "lowering failed";
      return nullptr;
    }
    auto llvmContext = std::make_unique<llvm::LLVMContext>();
    auto kernels = *module->getOps<mlir::gpu::GPUModuleOp>().begin();
    auto code = device.makeModule(kernels, *llvmContext);
    if (!code) {
      error = llvm::toString(code.takeError());
      return nullptr;
    }
    return Emulated::load(std::move(*code), std::move(llvmContext), error);
  }

  mlir::MLIRContext context;
};

/// What lanes hold of one operand, as bytes.
class Operand {
public:
  Operand(tile::LayoutAttr layout, int64_t lanes, mlir::Type type)
      : layout(layout), registers(tile::getNumRegisters(layout)), lanes(lanes),
        bytes(type.getIntOrFloatBitWidth() / 8), brain(type.isBF16()),
        memory(lanes * registers * bytes) {}

  /// Calls body(address, coordinate along the rows, along the columns) for what
  /// each lane holds.
  template <typename Body>
  void forElements(llvm::StringRef rows, llvm::StringRef columns, Body body) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      for (int64_t i = 0; i < registers; ++i) {
        body(memory.data() + (lane * registers + i) * bytes,
             tile::getCoordinate(layout, rows, i, lane, 0),
             tile::getCoordinate(layout, columns, i, lane, 0));
      }
    }
  }

  void fill(llvm::StringRef rows, llvm::StringRef columns, int seed) {
    forElements(rows, columns, [&](uint8_t *at, int64_t row, int64_t column) {
      float value = sample(row, column, seed);
      if (bytes == 4) {
        memcpy(at, &value, 4);
        return;
      }
      uint16_t code = brain ? floatToBF16(value) : floatToHalf(value);
      memcpy(at, &code, 2);
    });
  }

  /// The fields of a memref<?x(registers)> as kernel arguments.
  void addArguments(llvm::SmallVectorImpl<void *> &arguments) {
    auto number = [](int64_t value) { return reinterpret_cast<void *>(value); };
    arguments.append({memory.data(), memory.data(), number(0), number(lanes),
                      number(registers), number(registers), number(1)});
  }

private:
  tile::LayoutAttr layout;
  int64_t registers, lanes, bytes;
  bool brain;
  Buffer<uint8_t> memory;
};

void expectProduct(const Emulated &emulated, tile::AtomAttr atom, int64_t lanes,
                   const std::string &what) {
  Operand a(atom.getA(), lanes, atom.getType());
  Operand b(atom.getB(), lanes, atom.getType());
  Operand c(atom.getC(), lanes,
            mlir::Float32Type::get(atom.getType().getContext()));
  a.fill("m", "k", 1);
  b.fill("n", "k", 5);
  c.fill("m", "n", 7);
  llvm::SmallVector<void *> arguments;
  a.addArguments(arguments);
  b.addArguments(arguments);
  c.addArguments(arguments);
  ASSERT_EQ(emulated.launch(1, lanes, 0, arguments, "late,lifo,race"), "")
      << what;
  int64_t wrong = 0;
  c.forElements("m", "n", [&](uint8_t *at, int64_t m, int64_t n) {
    float expected = sample(m, n, 7);
    for (int64_t k = 0; k < atom.getShape()[2]; ++k) {
      expected += sample(m, k, 1) * sample(n, k, 5);
    }
    float value;
    memcpy(&value, at, 4);
    wrong += value != expected;
  });
  EXPECT_EQ(wrong, 0) << what;
}

TEST_P(Atoms, OfTheCompilerAreThoseOfTheManual) {
  auto target = llvm::cantFail(lookUpTarget(GetParam()));
  tile::MachineAttr machine = target->getDevice()->getMachineAttr(&context);
  for (tile::AtomAttr atom : machine.getAtoms()) {
    std::string what = GetParam() + " " + nameOf(atom.getType()), error;
    auto emulated = compile(*target, atom, error);
    ASSERT_TRUE(emulated) << what << ": " << error;
    EXPECT_EQ(emulated->getImage().lanes, machine.getLanes());
    expectProduct(*emulated, atom, machine.getLanes(), what);
  }
}

std::vector<std::string> listDevices() {
  std::vector<std::string> names;
  for (const std::string &name : getKnownTargets()) {
    if (llvm::cantFail(lookUpTarget(name))->getDevice()) {
      names.push_back(name);
    }
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Chips, Atoms, testing::ValuesIn(listDevices()));

} // namespace
