// RUN: fovea-opt --fovea-attn-to-cascade %s -split-input-file -verify-diagnostics -allow-unregistered-dialect

func.func @other_use(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a value of type '!attn.kv<dense, key = 64, value = 64, f32>' to be used by 'attn.attend' and 'attn.append' only}}
  "test.use"(%kv) : (!attn.kv<dense, key = 64, value = 64, f32>) -> ()
  return
}

// -----

func.func @not_an_argument(%q: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %kv = "test.make"() : () -> !attn.kv<dense, key = 64, value = 64, f32>
  // expected-error@+1 {{expected keys and values to be an argument of the function}}
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// -----

// expected-error@+1 {{expected a body of a function that takes keys and values}}
func.func private @external(!attn.kv<dense, key = 64, value = 64, f32>)
