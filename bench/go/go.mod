module bufpool/bench

go 1.19
