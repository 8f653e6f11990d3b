//===- host.cpp - compile attention from text and call it -----------------===//
//
// Needs the compiler's libraries, but no file: the program is the text below.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Compiler.h"

#include <cstdio>
#include <vector>

static const char program[] = R"(
func.func @attention(%q: tensor<?x?x?x64xf32>,
                     %kv: !attn.kv<dense, key = 64, value = 64, f32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>)
       -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
})";

/// One batch of `heads` x `rows` x 64, without gaps.
static fovea_tensor view(std::vector<float> &data, int64_t heads,
                         int64_t rows) {
  return {data.data(),
          FOVEA_F32,
          4,
          {1, heads, rows, 64},
          {heads * rows * 64, rows * 64, 64, 1}};
}

int main() {
  auto compiled = fovea::compile(program, fovea::CompileOptions());
  if (!compiled) {
    fovea::printError(compiled.takeError());
    return 1;
  }
  // Value j is j everywhere and all scores are equal, so row i of the output is
  // the mean of 0 to i.
  const int64_t heads = 2, rows = 100;
  std::vector<float> q(heads * rows * 64, 1), k(q), v(q), out(q);
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = static_cast<float>(i / 64 % rows);
  }
  fovea_tensor arguments[] = {view(q, heads, rows), view(k, heads, rows),
                              view(v, heads, rows), view(out, heads, rows)};
  if (llvm::Error e = (*compiled)->run("attention", arguments)) {
    fovea::printError(std::move(e));
    return 1;
  }
  std::printf("rows 0, 1, 99: %g %g %g\n", out[0], out[64], out[99 * 64]);
}
