# server-rate: an HTTP front for Redis, GET of values by 16 connections.
width = 860
title = "HTTP front for Redis: GET by 16 connections, by size of the value"
unit = "thousand requests a second, more is better; thin line: least to most"
load folder.'/bars.gp'
