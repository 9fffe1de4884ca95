;; Grows a table without end in `on-close` from the parameter `from_ms` on; before that it signals every candle. Rust has no
;; word for `table.grow`, so this one is written by hand, as a whole component: `wat` makes the bytes, nothing else is needed.
(component
  ;; The types of the ABI: vyx:trader@1.0.0 is frozen, so this copy is as well.
  (import "vyx:trader/types@1.0.0" (instance $types
    (type $param-value' (variant (case "boolean" bool) (case "integer" s64) (case "number" f64) (case "text" string)))
    (export "param-value" (type $param-value (eq $param-value')))
    (type $param' (record
      (field "name" string) (field "help" string) (field "default" $param-value)
      (field "minimum" (option f64)) (field "maximum" (option f64)) (field "choices" (list string))))
    (export "param" (type $param (eq $param')))
    (type $tag' (record (field "name" string) (field "help" string)))
    (export "tag" (type $tag (eq $tag')))
    (type $plot' (record (field "id" string) (field "title" string) (field "panel" string) (field "lines" u32)))
    (export "plot" (type $plot (eq $plot')))
    (type $description' (record
      (field "name" string) (field "summary" string) (field "sdk" string)
      (field "params" (list $param)) (field "tags" (list $tag)) (field "plots" (list $plot))))
    (export "description" (type (eq $description')))
    (type $interval-need' (record (field "interval" string) (field "warm-up" u32) (field "lookback" u32)))
    (export "interval-need" (type $interval-need (eq $interval-need')))
    (type $other-stream' (record (field "symbol" string) (field "interval" u32)))
    (export "other-stream" (type $other-stream (eq $other-stream')))
    (type $hygiene' (record
      (field "cooldown-candles" u32) (field "cooldown-ms" u64) (field "on-transition" bool) (field "max-per-run" u32)))
    (export "hygiene" (type $hygiene (eq $hygiene')))
    (type $subscription' (record
      (field "intervals" (list $interval-need)) (field "symbols" (list string))
      (field "other-streams" (list $other-stream)) (field "hygiene" $hygiene)))
    (export "subscription" (type (eq $subscription')))
    (type $symbol' (record (field "id" u32) (field "name" string)))
    (export "symbol" (type (eq $symbol')))
  ))
  (import "vyx:trader/signals@1.0.0" (instance $signals
    (export "emit" (func (param "index" u32) (param "tag" u32)))
  ))
  (alias export $types "description" (type $description))
  (alias export $types "param-value" (type $param-value))
  (alias export $types "subscription" (type $subscription))
  (alias export $types "symbol" (type $symbol))

  (core module $guest
    (import "signals" "emit" (func $emit (param i32 i32)))
    (memory (export "memory") 16)
    (table $bomb 1 funcref)
    (global $from-ms (mut i64) (i64.const 0))

    ;; What the exports answer, laid out as the canonical ABI wants it. What is not set is zero: no list, none, false.
    (data (i32.const 0x000) "\00\02\00\00\0a\00\00\00")             ;; description: name,
    (data (i32.const 0x008) "\10\02\00\00\2d\00\00\00")             ;; summary,
    (data (i32.const 0x010) "\40\02\00\00\0a\00\00\00")             ;; sdk,
    (data (i32.const 0x018) "\00\01\00\00\01\00\00\00")             ;; params, one,
    (data (i32.const 0x020) "\60\01\00\00\01\00\00\00")             ;; tags, one
    (data (i32.const 0x088) "\80\01\00\00\01\00\00\00")             ;; init at 0x80: ok, intervals, one
    (data (i32.const 0x100) "\50\02\00\00\07\00\00\00")             ;; param: name,
    (data (i32.const 0x108) "\58\02\00\00\0f\00\00\00")             ;; help,
    (data (i32.const 0x110) "\01")                                  ;; default: the integer 0
    (data (i32.const 0x160) "\70\02\00\00\04\00\00\00")             ;; tag: name,
    (data (i32.const 0x168) "\78\02\00\00\0f\00\00\00")             ;; help
    (data (i32.const 0x180) "\90\02\00\00\02\00\00\00\0a\00\00\00") ;; interval: name, warm-up of 10, no lookback
    (data (i32.const 0x200) "Table bomb")
    (data (i32.const 0x210) "Signals every candle, until it turns hostile.")
    (data (i32.const 0x240) "none 0.0.0")
    (data (i32.const 0x250) "from_ms")
    (data (i32.const 0x258) "when it begins.")
    (data (i32.const 0x270) "tick")
    (data (i32.const 0x278) "a candle closed")
    (data (i32.const 0x290) "1m")

    ;; Arguments go behind the answers; a call's are forgotten when it returns.
    (global $free (mut i32) (i32.const 0x1000))
    (func (export "realloc") (param $old i32) (param $old-bytes i32) (param $align i32) (param $bytes i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $free) (local.get $align)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $at) (local.get $bytes)))
      (local.get $at))
    (func $forget (global.set $free (i32.const 0x1000)))

    (func (export "describe") (result i32) (i32.const 0x000))
    (func (export "init") (param $params i32) (param i32 i32 i32) (result i32)
      (global.set $from-ms (i64.load offset=16 (local.get $params)))
      (call $forget)
      (i32.const 0x080))
    (func (export "on-close")
      (param $interval i32) (param $open-ms i64) (param i64) (param i32) (param $symbols i32) (param i32 i32) (result i32)
      (local $index i32)
      (if (i64.ge_s (local.get $open-ms) (global.get $from-ms))
        (then
          (loop $grow
            (drop (table.grow $bomb (ref.null func) (i32.const 65536)))
            (br $grow))))
      (loop $next
        (if (i32.lt_u (local.get $index) (local.get $symbols))
          (then
            (call $emit (local.get $index) (i32.const 0))
            (local.set $index (i32.add (local.get $index) (i32.const 1)))
            (br $next))))
      (call $forget)
      (i32.const 0x1f0)) ;; no plots
    (func (export "on-symbols") (param i32 i32 i32 i32) (call $forget))
    (func (export "on-gap") (param i32 i32 i64 i64))
  )

  (core func $emit (canon lower (func $signals "emit")))
  (core instance $core (instantiate $guest
    (with "signals" (instance (export "emit" (func $emit))))
  ))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "realloc" (core func $realloc))

  (func $describe (result $description)
    (canon lift (core func $core "describe") (memory $memory)))
  (func $init
    (param "params" (list (tuple string $param-value))) (param "symbols" (list $symbol))
    (result (result $subscription (error string)))
    (canon lift (core func $core "init") (memory $memory) (realloc $realloc)))
  (func $on-close
    (param "interval" u32) (param "open-time" s64) (param "close-time" s64)
    (param "symbols" (list u32)) (param "candles" (list f64)) (result (list f64))
    (canon lift (core func $core "on-close") (memory $memory) (realloc $realloc)))
  (func $on-symbols (param "added" (list $symbol)) (param "gone" (list u32))
    (canon lift (core func $core "on-symbols") (memory $memory) (realloc $realloc)))
  (func $on-gap (param "symbol" u32) (param "interval" u32) (param "first" s64) (param "until" s64)
    (canon lift (core func $core "on-gap")))

  (instance $exports
    (export "describe" (func $describe))
    (export "init" (func $init))
    (export "on-close" (func $on-close))
    (export "on-symbols" (func $on-symbols))
    (export "on-gap" (func $on-gap))
  )
  (export "vyx:trader/guest@1.0.0" (instance $exports))
)
