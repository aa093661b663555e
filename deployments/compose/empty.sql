create database shop_from_mysql;
