;; A table of 100 million elements, there before a line of the guest has run: refused by what the bytes say alone. The static
;; limits are looked at before the world, so that it needs no world.
(component
  (core module $bomb
    (table 100000000 funcref)
  )
  (core instance (instantiate $bomb))
)
