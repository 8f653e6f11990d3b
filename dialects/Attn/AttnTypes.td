//===- AttnTypes.td - keys and values -------------------------------------===//

#ifndef FOVEA_DIALECTS_ATTN_TYPES_TD
#define FOVEA_DIALECTS_ATTN_TYPES_TD

include "dialects/Attn/AttnAttrs.td"

def Attn_KVType : TypeDef<Attn_Dialect, "KV"> {
  let mnemonic = "kv";
  let summary = "the keys and values of a batch of sequences";
  let description = [{
    Keys and values together with where they lie. A program that changes from
    one layout to another changes this type and nothing else.

    ```mlir
    !attn.kv<dense, key = 64, value = 64, f32>
    !attn.kv<paged<16>, key = 64, value = 128, bf16>
    ```

    A value of this type stands for several tensors, its *components*, in the
    order in which tools pass arrays (B sequences, G heads, D and Dv channels,
    P rows to a page):

    | layout | components |
    |---|---|
    | `dense` | K `[B, G, Sk, D]`, V `[B, G, Sk, Dv]` |
    | `paged<P>` | K pages `[pages, G, P, D]`, V pages `[pages, G, P, Dv]`, page table `[B, max pages]` of i32, lengths `[B]` of i32 |

    Row t of a paged sequence b is row t mod P of page `table[b, t / P]`, for
    t < lengths[b]; table entries past the length are never read.
  }];
  let parameters = (ins
    "Layout":$layout,
    "int64_t":$pageSize, // 0 unless paged
    "int64_t":$keyWidth,
    "int64_t":$valueWidth,
    "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Largest number of channels of a key or a value.
    static constexpr int64_t kMaxWidth = 512;

    bool isPaged() { return getLayout() == Layout::Paged; }
    /// Types of the components, in order.
    ::llvm::SmallVector<::mlir::RankedTensorType> getComponentTypes();
    /// Names of the components, in order: "k", "v" or "k_pages", "v_pages",
    /// "page_table", "lengths".
    ::llvm::SmallVector<::llvm::StringRef> getComponentNames();
  }];
}

#endif
